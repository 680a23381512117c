#include "spans.hpp"

#include <algorithm>

#include "body_reader.hpp"

namespace asteroid {

namespace {

constexpr PayloadLimits NO_PAYLOADS{0, JsonReader::DEPTH_LIMIT};

class FieldsReader : BodyReader {
public:
    explicit FieldsReader(std::string_view body) : BodyReader(body, NO_PAYLOADS) {}

    FieldSpans read() {
        whole([this] { object(); });
        return std::move(fields_);
    }

private:
    void object() {
        in_.expect('{');
        if (in_.take('}')) return;
        do {
            std::string name(in_.key());
            if (name.find('\\') != std::string::npos) name = unescape(name);
            check_first(std::find(fields_.names.begin(), fields_.names.end(), name) == fields_.names.end(),
                        shown(name));
            if (fields_.names.size() == FIELDS_MAX) refuse("bad_json", "the object has too many fields");
            in_.next();
            fields_.values.offsets.push_back(int64_t(in_.offset()));
            fields_.values.lengths.push_back(int64_t(in_.value(JsonReader::DEPTH_LIMIT).size()));
            fields_.names.push_back(std::move(name));
        } while (in_.take(','));
        in_.expect('}');
    }

    static constexpr size_t FIELDS_MAX = 64;  // so that looking for one that came before stays cheap

    FieldSpans fields_;
};

class ElementsReader : BodyReader {
public:
    ElementsReader(std::string_view text, size_t most) : BodyReader(text, NO_PAYLOADS), most_(most) {}

    Spans read() {
        whole([this] { list(); });
        return std::move(spans_);
    }

private:
    void list() {
        in_.expect('[');
        if (in_.take(']')) return;
        do {
            in_.next();
            if (spans_.offsets.size() == most_)
                refuse("too_many", "at most " + std::to_string(most_) + " are taken");
            item_ = int64_t(spans_.offsets.size());
            spans_.offsets.push_back(int64_t(in_.offset()));
            const std::string_view text = in_.value(JsonReader::DEPTH_LIMIT);
            spans_.lengths.push_back(int64_t(text.size()));
            if (const auto key = repeated_keys_.find(text))
                refuse("bad_json", "the key '" + shown(*key) + "' is given twice in one object");
            item_ = -1;
        } while (in_.take(','));
        in_.expect(']');
    }

    size_t most_;
    Spans spans_;
    RepeatedKeyFinder repeated_keys_;
};

}  // namespace

FieldSpans read_fields(std::string_view body) { return FieldsReader(body).read(); }

Spans read_elements(std::string_view text, size_t most) { return ElementsReader(text, most).read(); }

}  // namespace asteroid
