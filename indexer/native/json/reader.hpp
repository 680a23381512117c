// Strict JSON (RFC 8259) read in place: a place in bytes that it neither owns nor copies nor reads beyond.
// The one reader of request bodies and of stored payloads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace asteroid {

struct JsonError {
    // Malformed; or well put together, but with text that is not Unicode, a number out of range, too deep.
    enum class Kind { syntax, content };
    Kind kind;
    std::string message;
};

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class JsonReader {
public:
    // The kinds of nested containers are kept as bits of one word, so nothing recurses.
    static constexpr unsigned DEPTH_LIMIT = 64;

    JsonReader(const char* data, size_t size) : begin_(data), at_(data), end_(data + size) {}

    size_t offset() const { return size_t(at_ - begin_); }
    std::string_view rest() const { return {at_, size_t(end_ - at_)}; }

    // The first byte after white space, not taken; the end of the body is an error.
    char next() {
        skip_space();
        if (at_ == end_) fail("the body ends early");
        return *at_;
    }
    bool take(char c) {
        skip_space();
        if (at_ == end_ || *at_ != c) return false;
        ++at_;
        return true;
    }
    void expect(char c) {
        if (!take(c)) fail_expecting(c);
    }
    void expect_end();

    // The text between the quotes of a string, checked, with its escapes as they are; see unescape().
    std::string_view string();
    // An object's key with the colon after it.
    std::string_view key();
    // The text of a number; next() must have shown '-' or a digit.
    std::string_view number();
    // Takes the number that next() has shown if it can be read quickly; see read_plain_float32().
    bool take_float32(float& value);
    // Takes `literal` (true, false, null) or fails.
    void literal(std::string_view literal);
    // Takes the whole value that next() has shown the first byte of, checked; gives its text.
    std::string_view value(unsigned depth_max);
    // The run of characters that numbers and literals, good or bad, are made of.
    std::string_view word();

    [[noreturn]] void fail(const std::string& message, JsonError::Kind kind = JsonError::Kind::syntax) const;

private:
    void skip_space() {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    }
    void digits();
    void scalar(char first);
    void escape();
    unsigned hex4();
    void wide_character();
    [[noreturn]] void fail_expecting(char c) const;

    const char* begin_;
    const char* at_;
    const char* end_;
};

// The text that a checked string stands for, as UTF-8; `into` keeps its memory from call to call.
void unescape(std::string_view checked, std::string& into);
std::string unescape(std::string_view checked);

}  // namespace asteroid
