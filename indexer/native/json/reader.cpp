#include "json/reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "json/numbers.hpp"

namespace asteroid {

namespace {

// Bytes of a string that need no further look: printable ASCII but the quote and the backslash.
constexpr std::array<bool, 256> plain_bytes() {
    std::array<bool, 256> plain{};
    for (unsigned c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
    return plain;
}
constexpr std::array<bool, 256> is_plain = plain_bytes();

// Whether all of eight bytes are plain. A byte's highest bit tells; a byte that is not plain may make those
// above it look so too, which costs nothing but a second look.
bool are_plain(const char* bytes) {
    constexpr uint64_t EACH = 0x0101010101010101, HIGH = 0x80 * EACH;
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    const uint64_t quote = word ^ '"' * EACH, backslash = word ^ '\\' * EACH;
    return ((word | (word - 0x20 * EACH) | (quote - EACH) | (backslash - EACH)) & HIGH) == 0;
}

bool is_word(char c) {
    return is_digit(c) || is_letter(c) || c == '+' || c == '-' || c == '.';
}

unsigned hex_value(char c) {
    if (is_digit(c)) return unsigned(c - '0');
    if (c >= 'a' && c <= 'f') return unsigned(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return unsigned(c - 'A') + 10;
    return 16;
}

bool is_high(unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

void append_utf8(std::string& out, unsigned code) {
    if (code < 0x80) {
        out += char(code);
        return;
    }
    if (code < 0x800) {
        out += char(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            out += char(0xE0 | code >> 12);
        } else {
            out += char(0xF0 | code >> 18);
            out += char(0x80 | (code >> 12 & 0x3F));
        }
        out += char(0x80 | (code >> 6 & 0x3F));
    }
    out += char(0x80 | (code & 0x3F));
}

unsigned unit_at(std::string_view text, size_t at) {
    unsigned unit = 0;
    for (size_t i = 0; i < 4; ++i) unit = unit << 4 | hex_value(text[at + i]);
    return unit;
}

char short_escape(char letter) {
    switch (letter) {
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        default: return letter;
    }
}

}  // namespace

void JsonReader::fail(const std::string& message, JsonError::Kind kind) const {
    throw JsonError{kind, message + " (byte " + std::to_string(offset()) + ")"};
}

void JsonReader::fail_expecting(char c) const {
    if (at_ == end_) fail("the body ends early");
    fail(std::string("expected '") + c + "'");
}

void JsonReader::expect_end() {
    skip_space();
    if (at_ != end_) fail("more follows the end of the JSON text");
}

std::string_view JsonReader::string() {
    expect('"');
    const char* from = at_;
    for (;;) {
        while (end_ - at_ >= 8 && are_plain(at_)) at_ += 8;
        while (at_ != end_ && is_plain[uint8_t(*at_)]) ++at_;
        if (at_ == end_) fail("the body ends early");
        const uint8_t c = uint8_t(*at_);
        if (c == '"') return {from, size_t(at_++ - from)};
        if (c == '\\') {
            escape();
        } else if (c < 0x20) {
            fail("a control character in a string");
        } else {
            wide_character();
        }
    }
}

void JsonReader::escape() {
    ++at_;
    if (at_ == end_) fail("the body ends early");
    const char letter = *at_;
    if (letter != 'u') {
        if (std::string_view("\"\\/bfnrt").find(letter) == std::string_view::npos) fail("no such escape");
        ++at_;
        return;
    }
    ++at_;
    const unsigned unit = hex4();
    if (is_low(unit)) fail("half of a surrogate pair", JsonError::Kind::content);
    if (!is_high(unit)) return;
    if (rest().substr(0, 2) != "\\u") fail("half of a surrogate pair", JsonError::Kind::content);
    at_ += 2;
    if (!is_low(hex4())) fail("half of a surrogate pair", JsonError::Kind::content);
}

unsigned JsonReader::hex4() {
    if (end_ - at_ < 4) fail("the body ends early");
    unsigned unit = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
        const unsigned value = hex_value(*at_);
        if (value > 15) fail("\\u needs four hexadecimal digits");
        unit = unit << 4 | value;
    }
    return unit;
}

// One character beyond ASCII, by the Unicode standard's table of well-formed UTF-8 (3-7): neither overlong
// forms nor surrogates nor anything past U+10FFFF.
void JsonReader::wide_character() {
    const uint8_t lead = uint8_t(*at_);
    const std::ptrdiff_t follow = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || end_ - at_ <= follow) fail("not UTF-8", JsonError::Kind::content);
    const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    bool good = uint8_t(at_[1]) >= low && uint8_t(at_[1]) <= high;
    for (std::ptrdiff_t i = 2; i <= follow; ++i) good = good && (uint8_t(at_[i]) & 0xC0) == 0x80;
    if (!good) fail("not UTF-8", JsonError::Kind::content);
    at_ += follow + 1;
}

std::string_view JsonReader::key() {
    const std::string_view name = string();
    expect(':');
    return name;
}

void JsonReader::digits() {
    if (at_ == end_) fail("the body ends early");
    if (!is_digit(*at_)) fail("expected a digit");
    while (at_ != end_ && is_digit(*at_)) ++at_;
}

std::string_view JsonReader::number() {
    const char* from = at_;
    if (*at_ == '-') ++at_;
    if (at_ != end_ && *at_ == '0') {
        ++at_;
        if (at_ != end_ && is_digit(*at_)) fail("a number with a leading zero");
    } else {
        digits();
    }
    if (at_ != end_ && *at_ == '.') {
        ++at_;
        digits();
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
        ++at_;
        if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
        digits();
    }
    return {from, size_t(at_ - from)};
}

bool JsonReader::take_float32(float& value) {
    const char* const after = read_plain_float32(at_, end_, value);
    if (after == nullptr) return false;
    at_ = after;
    return true;
}

void JsonReader::literal(std::string_view literal) {
    if (rest().substr(0, literal.size()) != literal) fail("expected a value");
    at_ += literal.size();
}

std::string_view JsonReader::word() {
    skip_space();
    const char* from = at_;
    while (at_ != end_ && is_word(*at_)) ++at_;
    return {from, size_t(at_ - from)};
}

void JsonReader::scalar(char first) {
    switch (first) {
        case '"': string(); return;
        case 't': literal("true"); return;
        case 'f': literal("false"); return;
        case 'n': literal("null"); return;
        default:
            if (first != '-' && !is_digit(first)) fail("expected a value");
            if (!is_readable(number())) fail("a number out of range", JsonError::Kind::content);
    }
}

std::string_view JsonReader::value(unsigned depth_max) {
    const char* from = at_;
    uint64_t arrays = 0;  // the lowest bit tells whether the innermost open container is an array
    unsigned depth = 0;
    do {
        const char first = next();
        if (first == '{' || first == '[') {
            if (depth == depth_max)
                fail("nested deeper than " + std::to_string(depth_max) + " levels", JsonError::Kind::content);
            const bool array = first == '[';
            ++at_;
            ++depth;
            arrays = arrays << 1 | uint64_t(array);
            if (next() != (array ? ']' : '}')) {
                if (!array) key();
                continue;
            }
        } else {
            scalar(first);
        }
        while (depth != 0 && take(arrays & 1 ? ']' : '}')) {
            arrays >>= 1;
            --depth;
        }
        if (depth != 0) {
            if (!take(',')) fail_expecting(arrays & 1 ? ']' : '}');
            if (!(arrays & 1)) key();
        }
    } while (depth != 0);
    return {from, size_t(at_ - from)};
}

void unescape(std::string_view checked, std::string& out) {
    size_t i = std::min(checked.find('\\'), checked.size());  // most strings have no escapes
    out.assign(checked.data(), i);
    for (; i < checked.size(); ++i) {
        if (checked[i] != '\\') {
            out += checked[i];
            continue;
        }
        if (checked[++i] != 'u') {
            out += short_escape(checked[i]);
            continue;
        }
        unsigned code = unit_at(checked, i + 1);
        i += 4;
        if (is_high(code)) {
            code = 0x10000 + ((code - 0xD800) << 10) + (unit_at(checked, i + 3) - 0xDC00);
            i += 6;
        }
        append_utf8(out, code);
    }
}

std::string unescape(std::string_view checked) {
    std::string out;
    unescape(checked, out);
    return out;
}

}  // namespace asteroid
