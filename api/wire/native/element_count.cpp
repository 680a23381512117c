#include "element_count.hpp"

#include <algorithm>

#include "body_reader.hpp"

namespace asteroid {

namespace {

class ElementCounter {
public:
    ElementCounter(std::string_view body, std::string_view field, size_t most)
        : in_(body.data(), body.size()), field_(field), most_(most) {}

    size_t count() {
        try {
            object();
        } catch (const JsonError&) {
            // the decoder says what is wrong
        }
        return std::max(longest_, elements_);
    }

private:
    void object() {
        in_.expect('{');
        if (in_.take('}')) return;
        do {
            const bool is_it = names(in_.key(), field_);
            in_.next();
            if (is_it && in_.take('['))
                list();
            else
                in_.value(JsonReader::DEPTH_LIMIT);
        } while (elements_ <= most_ && in_.take(','));
    }

    // A field that is given twice is refused later; until then its longest list counts.
    void list() {
        longest_ = std::max(longest_, elements_);
        elements_ = 0;
        if (in_.take(']')) return;
        do {
            in_.next();
            in_.value(JsonReader::DEPTH_LIMIT);
            ++elements_;
        } while (elements_ <= most_ && in_.take(','));
        if (elements_ <= most_) in_.expect(']');
    }

    JsonReader in_;
    std::string_view field_;
    size_t most_;
    size_t elements_ = 0;  // of the newest list
    size_t longest_ = 0;   // of the lists before
};

}  // namespace

size_t count_elements(std::string_view body, std::string_view field, size_t most) {
    return ElementCounter(body, field, most).count();
}

}  // namespace asteroid
