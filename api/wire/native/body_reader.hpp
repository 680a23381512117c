// What the readers of request bodies share: they know the item in hand, take payloads, and refuse.
#pragma once

#include <string>
#include <string_view>

#include "bodies.hpp"
#include "json/reader.hpp"
#include "repeated_key.hpp"

namespace asteroid {

constexpr size_t SHOWN_BYTES_MAX = 40;

// The start of a text for a message, cut between characters.
inline std::string shown(std::string_view text) {
    if (text.size() <= SHOWN_BYTES_MAX) return std::string(text);
    size_t bytes = SHOWN_BYTES_MAX;
    while (bytes != 0 && (uint8_t(text[bytes]) & 0xC0) == 0x80) --bytes;
    return std::string(text.substr(0, bytes)) + "…";
}

inline bool names(std::string_view key, std::string_view field) {
    if (key == field) return true;
    return key.find('\\') != std::string_view::npos && unescape(key) == field;
}

class BodyReader {
protected:
    BodyReader(std::string_view body, PayloadLimits limits)
        : in_(body.data(), body.size()), limits_(limits) {}

    [[noreturn]] void refuse(const char* code, std::string message) const {
        throw ReadError{code, item_, std::move(message)};
    }

    // Runs the whole reading; what is wrong with the JSON itself becomes a refusal.
    template <class F>
    void whole(const F& read) {
        try {
            read();
            item_ = -1;
            in_.expect_end();
        } catch (const JsonError& error) {
            refuse("bad_json", error.message);
        }
    }

    void payload(int64_t& offset, int64_t& length) {
        if (in_.next() != '{') {
            check_value_starts();
            refuse("bad_payload", "metadata must be a JSON object");
        }
        offset = int64_t(in_.offset());
        const std::string_view text = object_text();
        length = int64_t(text.size());
        if (text.size() > limits_.bytes_max)
            refuse("bad_payload", "metadata has at most " + std::to_string(limits_.bytes_max) +
                                      " bytes of JSON, this one " + std::to_string(length));
        if (const auto key = repeated_keys_.find(text))
            refuse("bad_payload", "metadata has the key '" + shown(*key) + "' twice in one object");
    }

    // A string that is an id; good until the next is read.
    std::string_view read_name() {
        if (in_.next() != '"') {
            check_value_starts();
            refuse_name();
        }
        std::string_view name;
        try {
            name = in_.string();
        } catch (const JsonError& error) {
            if (error.kind == JsonError::Kind::syntax) throw;
            refuse("bad_id", "an id is refused: " + error.message);
        }
        if (name.find('\\') != std::string_view::npos) {
            unescape(name, unescaped_);
            name = unescaped_;
        }
        if (name.empty() || name.size() > NAME_BYTES_MAX) refuse_name();
        return name;
    }

    // Refuses a key that its object had before.
    void check_first(bool is_first, std::string_view field) const {
        if (is_first) return;
        refuse("bad_json", "the key '" + std::string(field) + "' is given twice in one object");
    }

    // Tells a value of the wrong type from what is no value at all.
    void check_value_starts() {
        const char first = in_.next();
        const bool starts = std::string_view("\"{[-").find(first) != std::string_view::npos;
        if (!starts && !is_digit(first) && !is_letter(first)) in_.fail("expected a value");
    }

    JsonReader in_;
    int64_t item_ = -1;

private:
    [[noreturn]] void refuse_name() const {
        refuse("bad_id",
               "an id is a string of 1 to " + std::to_string(NAME_BYTES_MAX) + " bytes of UTF-8");
    }

    std::string_view object_text() {
        try {
            return in_.value(limits_.depth_max);
        } catch (const JsonError& error) {
            if (error.kind == JsonError::Kind::syntax) throw;
            refuse("bad_payload", "metadata is refused: " + error.message);
        }
    }

    PayloadLimits limits_;
    RepeatedKeyFinder repeated_keys_;
    std::string unescaped_;
};

}  // namespace asteroid
