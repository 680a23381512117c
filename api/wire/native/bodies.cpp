#include "bodies.hpp"

#include <algorithm>
#include <optional>

#include "json/numbers.hpp"
#include "value_reader.hpp"

namespace asteroid {

namespace {

class ItemsReader : ValueReader {
public:
    ItemsReader(std::string_view body, size_t dim, size_t items_max, PayloadLimits limits, ItemForm form)
        : ValueReader(body, limits), dim_(dim), items_max_(items_max), form_(form) {
        // A good item has at least two bytes for each number, so this is never outgrown.
        items_.vectors.reserve(std::min(items_max, body.size() / (2 * dim) + 1) * dim);
    }

    Items read() {
        whole([this] { form_.is_list ? list() : top(); });
        if (!form_.is_list) {
            if (!seen_items_) refuse("missing_field", "the field 'items' is missing");
            if (count() == 0) refuse("empty", "there are no items");
        }
        items_.conditions.end(count());
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
            if (count() == items_max_)
                refuse("too_many", "a batch has at most " + std::to_string(items_max_) + " items");
            item_ = int64_t(count());
            item();
            item_ = -1;
        } while (in_.take(','));
        in_.expect(']');
    }

    void item() {
        bool has_id = false, has_vector = false, is_bare = false, has_match = false;
        bool has_on_existing = false;
        int64_t offset = -1, length = 0;

        in_.expect('{');
        if (!in_.take('}')) {
            do {
                const std::string_view key = in_.key();
                if (names(key, "id")) {
                    check_first(!has_id, "id");
                    take_id();
                    has_id = true;
                } else if (names(key, "vector")) {
                    check_first(!has_vector, "vector");
                    is_bare = form_.is_optional && in_.next() == 'n';
                    if (is_bare)
                        in_.literal("null");
                    else
                        check_length(vector(items_.vectors, dim_));
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
        if (!has_id) refuse("missing_field", "the field 'id' is missing");
        if (!has_vector && !form_.is_optional) refuse("missing_field", "the field 'vector' is missing");
        is_bare = is_bare || !has_vector;
        if (form_.is_optional) items_.bare.push_back(is_bare);
        items_.payloads.offsets.push_back(offset);
        items_.payloads.lengths.push_back(length);
    }

    size_t count() const { return items_.payloads.offsets.size(); }

    void take_id() {
        if (form_.kind == IdKind::string)
            items_.names.add(read_name());
        else
            items_.ids.push_back(id());
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

    void check_length(size_t length) const {
        if (length != dim_)
            refuse("wrong_dim", "the vector has " + std::to_string(length) + " numbers, the index has " +
                                    std::to_string(dim_) + " dimensions");
    }

    size_t dim_;
    size_t items_max_;
    ItemForm form_;
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

class NamedRowsReader : BodyReader {
public:
    NamedRowsReader(std::string_view body, size_t count, PayloadLimits limits)
        : BodyReader(body, limits), count_(count) {}

    NamedRows read() {
        whole([this] { list(); });
        if (rows_.ids.offsets.size() != count_) refuse_count(std::to_string(rows_.ids.offsets.size()));
        return std::move(rows_);
    }

private:
    void list() {
        in_.expect('[');
        if (in_.take(']')) return;
        do {
            in_.next();
            if (rows_.ids.offsets.size() == count_) refuse_count("more");
            item_ = int64_t(rows_.ids.offsets.size());
            row();
            item_ = -1;
        } while (in_.take(','));
        in_.expect(']');
    }

    void row() {
        bool has_id = false;
        int64_t offset = -1, length = 0;
        in_.expect('{');
        if (!in_.take('}')) {
            do {
                const std::string_view key = in_.key();
                if (names(key, "id")) {
                    check_first(!has_id, "id");
                    in_.next();
                    const size_t from = in_.offset();
                    read_name();
                    rows_.ids.offsets.push_back(int64_t(from));
                    rows_.ids.lengths.push_back(int64_t(in_.offset() - from));
                    has_id = true;
                } else if (names(key, "metadata")) {
                    check_first(offset < 0, "metadata");
                    if (in_.next() == 'n')
                        in_.literal("null");
                    else
                        payload(offset, length);
                } else {
                    refuse("unknown_field", "no such field: '" + shown(key) + "'");
                }
            } while (in_.take(','));
            in_.expect('}');
        }
        if (!has_id) refuse("missing_field", "the field 'id' is missing");
        rows_.payloads.offsets.push_back(offset);
        rows_.payloads.lengths.push_back(length);
    }

    [[noreturn]] void refuse_count(const std::string& got) const {
        refuse("bad_payload", "there must be " + std::to_string(count_) + " ids, there are " + got);
    }

    size_t count_;
    NamedRows rows_;
};

}  // namespace

Items read_items(std::string_view body, size_t dim, size_t items_max, PayloadLimits limits, ItemForm form) {
    return ItemsReader(body, dim, items_max, limits, form).read();
}

NamedRows read_named_rows(std::string_view body, size_t count, PayloadLimits limits) {
    return NamedRowsReader(body, count, limits).read();
}

Spans read_objects(std::string_view body, size_t count, PayloadLimits limits) {
    return ObjectsReader(body, count, limits).read();
}

}  // namespace asteroid
