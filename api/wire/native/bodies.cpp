#include "bodies.hpp"

#include <algorithm>
#include <optional>

#include "body_reader.hpp"
#include "json/numbers.hpp"

namespace asteroid {

namespace {

class ItemsReader : BodyReader {
public:
    ItemsReader(std::string_view body, size_t dim, size_t items_max, PayloadLimits limits)
        : BodyReader(body, limits), dim_(dim), items_max_(items_max) {
        // A good item has at least two bytes for each number, so this is never outgrown.
        items_.vectors.reserve(std::min(items_max, body.size() / (2 * dim) + 1) * dim);
    }

    Items read() {
        whole([this] { top(); });
        if (!seen_items_) refuse("missing_field", "the field 'items' is missing");
        if (items_.ids.empty()) refuse("empty", "there are no items");
        items_.conditions.end(items_.ids.size());
        return std::move(items_);
    }

    Items read_list() {
        whole([this] { list(); });
        items_.conditions.end(items_.ids.size());
        return std::move(items_);
    }

private:
    void top() {
        in_.expect('{');
        if (in_.take('}')) return;
        do {
            const std::string_view key = in_.key();
            if (names(key, "items")) {
                check_first(!seen_items_, "items");
                seen_items_ = true;
                list();
            } else if (names(key, "on_existing")) {
                check_first(items_.conditions.of_all == unsaid, "on_existing");
                items_.conditions.of_all = read_on_existing();
            } else {
                refuse("unknown_field", "no such field: '" + shown(key) + "'");
            }
        } while (in_.take(','));
        in_.expect('}');
    }

    void list() {
        in_.expect('[');
        if (in_.take(']')) return;
        do {
            in_.next();
            if (items_.ids.size() == items_max_)
                refuse("too_many", "a batch has at most " + std::to_string(items_max_) + " items");
            item_ = int64_t(items_.ids.size());
            item();
            item_ = -1;
        } while (in_.take(','));
        in_.expect(']');
    }

    void item() {
        std::optional<uint64_t> id;
        bool has_vector = false, has_match = false, has_on_existing = false;
        int64_t offset = -1, length = 0;
        items_.vectors.resize((size_t(item_) + 1) * dim_);

        in_.expect('{');
        if (!in_.take('}')) {
            do {
                const std::string_view key = in_.key();
                if (names(key, "id")) {
                    check_first(!id, "id");
                    id = read_id();
                } else if (names(key, "vector")) {
                    check_first(!has_vector, "vector");
                    read_vector(items_.vectors.data() + size_t(item_) * dim_);
                    has_vector = true;
                } else if (names(key, "metadata")) {
                    check_first(offset < 0, "metadata");
                    payload(offset, length);
                } else if (names(key, "if_match")) {
                    check_first(!has_match, "if_match");
                    items_.conditions.match(size_t(item_), read_match());
                    has_match = true;
                } else if (names(key, "on_existing")) {
                    check_first(!has_on_existing, "on_existing");
                    items_.conditions.existing(size_t(item_), read_on_existing());
                    has_on_existing = true;
                } else {
                    refuse("unknown_field", "no such field: '" + shown(key) + "'");
                }
            } while (in_.take(','));
            in_.expect('}');
        }
        if (!id) refuse("missing_field", "the field 'id' is missing");
        if (!has_vector) refuse("missing_field", "the field 'vector' is missing");
        items_.ids.push_back(*id);
        items_.payloads.offsets.push_back(offset);
        items_.payloads.lengths.push_back(length);
    }

    uint64_t read_id() {
        std::optional<uint64_t> id;
        if (in_.next() == '"') {
            const std::string_view text = in_.string();
            id = text.find('\\') == std::string_view::npos ? id_of(text) : id_of(unescape(text));
        } else {
            // The run as a whole, so that 01, +1 and NaN are ids that are wrong rather than broken JSON.
            const std::string_view word = in_.word();
            if (word.empty()) check_value_starts();
            id = id_of(word);
        }
        if (!id)
            refuse("bad_id", "an id is an integer from 0 to 18446744073709551615, or a string of its digits");
        return *id;
    }

    int64_t read_match() {
        if (in_.next() == '"') {
            if (in_.string() == "*") return MATCH_ANY;
        } else {
            const std::string_view word = in_.word();
            if (word.empty()) check_value_starts();
            if (const std::optional<int64_t> lsn = lsn_of(word)) return *lsn;
        }
        refuse("bad_if_match", "if_match is an LSN, or \"*\"");
    }

    OnExisting read_on_existing() {
        if (in_.next() == '"') {
            const std::string_view text = in_.string();
            const bool is_plain = text.find('\\') == std::string_view::npos;
            if (const auto what = on_existing_of(is_plain ? std::string(text) : unescape(text))) return *what;
        } else {
            check_value_starts();
        }
        refuse("bad_on_existing", "on_existing is \"replace\", \"skip\" or \"fail\"");
    }

    void read_vector(float* row) {
        if (in_.next() != '[') {
            check_value_starts();
            refuse("bad_vector", "a vector is an array of numbers");
        }
        in_.take('[');
        size_t length = 0;
        if (!in_.take(']')) {
            do {
                const std::string_view number = element(length);
                // A vector that is too long is counted to its end, for the message.
                if (length < dim_) {
                    const std::optional<float> value = float32_of(number);
                    if (!value) refuse("bad_vector", element_name(length) + " overflows: " + shown(number));
                    row[length] = *value;
                }
                ++length;
            } while (in_.take(','));
            in_.expect(']');
        }
        if (length != dim_)
            refuse("wrong_dim", "the vector has " + std::to_string(length) + " numbers, the index has " +
                                    std::to_string(dim_) + " dimensions");
    }

    std::string_view element(size_t index) {
        const char first = in_.next();
        if (is_digit(first)) return in_.number();
        const std::string_view rest = in_.rest();
        if (first == '-' && (rest.size() < 2 || !is_letter(rest[1]))) return in_.number();
        check_value_starts();
        refuse("bad_vector", element_name(index) + " is not a finite number");
    }

    static std::string element_name(size_t index) {
        return "element " + std::to_string(index) + " of the vector";
    }

    size_t dim_;
    size_t items_max_;
    bool seen_items_ = false;
    Items items_;
};

class ObjectsReader : BodyReader {
public:
    ObjectsReader(std::string_view body, size_t count, PayloadLimits limits)
        : BodyReader(body, limits), count_(count) {}

    Spans read() {
        whole([this] { list(); });
        if (spans_.offsets.size() != count_) refuse_count(std::to_string(spans_.offsets.size()));
        return std::move(spans_);
    }

private:
    void list() {
        in_.expect('[');
        if (in_.take(']')) return;
        do {
            in_.next();
            if (spans_.offsets.size() == count_) refuse_count("more");
            item_ = int64_t(spans_.offsets.size());
            int64_t offset = -1, length = 0;
            if (in_.next() == 'n') {
                in_.literal("null");
            } else {
                payload(offset, length);
            }
            spans_.offsets.push_back(offset);
            spans_.lengths.push_back(length);
            item_ = -1;
        } while (in_.take(','));
        in_.expect(']');
    }

    [[noreturn]] void refuse_count(const std::string& got) const {
        refuse("bad_payload", "there must be " + std::to_string(count_) + " payloads, there are " + got);
    }

    size_t count_;
    Spans spans_;
};

}  // namespace

Items read_items(std::string_view body, size_t dim, size_t items_max, PayloadLimits limits) {
    return ItemsReader(body, dim, items_max, limits).read();
}

Items read_item_list(std::string_view text, size_t dim, size_t items_max, PayloadLimits limits) {
    return ItemsReader(text, dim, items_max, limits).read_list();
}

Spans read_objects(std::string_view body, size_t count, PayloadLimits limits) {
    return ObjectsReader(body, count, limits).read();
}

}  // namespace asteroid
