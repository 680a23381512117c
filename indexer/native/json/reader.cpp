#include "json/reader.hpp"

#include <cstdlib>
#include <cstring>

#if __has_include(<charconv>)
#include <charconv>
#endif

namespace asteroid {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& into, unsigned point) {
    if (point < 0x80) {
        into += char(point);
    } else if (point < 0x800) {
        into += char(0xc0 | point >> 6);
        into += char(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        into += char(0xe0 | point >> 12);
        into += char(0x80 | (point >> 6 & 0x3f));
        into += char(0x80 | (point & 0x3f));
    } else {
        into += char(0xf0 | point >> 18);
        into += char(0x80 | (point >> 12 & 0x3f));
        into += char(0x80 | (point >> 6 & 0x3f));
        into += char(0x80 | (point & 0x3f));
    }
}

// Correctly rounded; beyond the range of doubles it is infinity or zero.
double parse_double(const char* first, const char* last) {
#if defined(__cpp_lib_to_chars)
    double value = 0;
    if (std::from_chars(first, last, value).ec == std::errc()) return value;
#endif
    return std::strtod(std::string(first, last).c_str(), nullptr);
}

}  // namespace

char JsonText::peek() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
    return at_ < end_ ? *at_ : '\0';
}

void JsonText::take(char expected) {
    if (!take_if(expected)) throw Malformed("not JSON");
}

bool JsonText::take_if(char wanted) {
    if (peek() != wanted || at_ == end_) return false;
    ++at_;
    return true;
}

void JsonText::take_word(const char* word) {
    const size_t length = std::strlen(word);
    if (size_t(end_ - at_) < length || std::memcmp(at_, word, length) != 0) throw Malformed("not JSON");
    at_ += length;
}

void JsonText::take_string(std::string& into) {
    take('"');
    into.clear();
    for (;;) {
        const char* plain = at_;
        while (at_ < end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20) ++at_;
        into.append(plain, at_);
        if (at_ == end_ || static_cast<unsigned char>(*at_) < 0x20) throw Malformed("a string does not end");
        if (*at_++ == '"') return;
        take_escape(into);
    }
}

void JsonText::take_escape(std::string& into) {
    if (at_ == end_) throw Malformed("a string does not end");
    const char kind = *at_++;
    const char* const found = std::strchr("\"\\/bfnrt", kind);
    if (kind != '\0' && found) {
        into += "\"\\/\b\f\n\r\t"[found - "\"\\/bfnrt"];
        return;
    }
    if (kind != 'u') throw Malformed("no such escape");
    unsigned point = take_hex();
    if (point >= 0xd800 && point < 0xe000) {
        const bool has_more = end_ - at_ >= 2 && at_[0] == '\\' && at_[1] == 'u';
        if (point >= 0xdc00 || !has_more) throw Malformed("half a pair");
        at_ += 2;
        const unsigned low = take_hex();
        if (low < 0xdc00 || low >= 0xe000) throw Malformed("half a pair");
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(into, point);
}

unsigned JsonText::take_hex() {
    if (end_ - at_ < 4) throw Malformed("a string does not end");
    unsigned value = 0;
    for (int i = 0; i < 4; ++i) {
        const char c = *at_++;
        value <<= 4;
        if (is_digit(c)) value |= unsigned(c - '0');
        else if (c >= 'a' && c <= 'f') value |= unsigned(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') value |= unsigned(c - 'A' + 10);
        else throw Malformed("no hexadecimal digit");
    }
    return value;
}

double JsonText::take_number() {
    peek();
    const char* const first = at_;
    const auto digits = [this] {
        if (at_ == end_ || !is_digit(*at_)) throw Malformed("not a number");
        while (at_ < end_ && is_digit(*at_)) ++at_;
    };
    if (at_ < end_ && *at_ == '-') ++at_;
    digits();
    if (at_ < end_ && *at_ == '.') {
        ++at_;
        digits();
    }
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
        ++at_;
        if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
        digits();
    }
    return parse_double(first, at_) + 0.0;  // −0 is 0
}

void JsonText::skip_string() {
    take('"');
    for (; at_ < end_; ++at_) {
        if (*at_ == '\\') {
            if (++at_ == end_) break;
        } else if (*at_ == '"') {
            ++at_;
            return;
        }
    }
    throw Malformed("a string does not end");
}

void JsonText::skip_value(int depth_left) {
    if (depth_left == 0) throw Malformed("too deep");
    switch (peek()) {
        case '"': return skip_string();
        case 't': return take_word("true");
        case 'f': return take_word("false");
        case 'n': return take_word("null");
        case '{':
        case '[': break;
        default: take_number(); return;
    }
    const bool is_object = *at_++ == '{';
    const char closing = is_object ? '}' : ']';
    if (take_if(closing)) return;
    do {
        if (is_object) {
            skip_string();
            take(':');
        }
        skip_value(depth_left - 1);
    } while (take_if(','));
    take(closing);
}

void JsonText::finish() {
    peek();
    if (at_ != end_) throw Malformed("more than one value");
}

}  // namespace asteroid
