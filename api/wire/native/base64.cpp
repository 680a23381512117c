#include "base64.hpp"

#include <array>
#include <cstddef>

namespace asteroid {

namespace {

constexpr uint8_t NONE = 0xff;

constexpr std::array<uint8_t, 256> sextets() {
    std::array<uint8_t, 256> values{};
    for (auto& value : values) value = NONE;
    constexpr std::string_view ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < ALPHABET.size(); ++i) values[uint8_t(ALPHABET[i])] = uint8_t(i);
    return values;
}
constexpr std::array<uint8_t, 256> SEXTETS = sextets();

uint8_t sextet(char c) { return SEXTETS[uint8_t(c)]; }

size_t padding(std::string_view text) {
    if (text.empty() || text.back() != '=') return 0;
    return text[text.size() - 2] == '=' ? 2 : 1;
}

}  // namespace

std::optional<size_t> base64_bytes(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    return text.size() / 4 * 3 - padding(text);
}

bool decode_base64(std::string_view text, uint8_t* out) {
    if (text.size() % 4 != 0) return false;
    const size_t padded = padding(text), whole = text.size() - (padded ? 4 : 0);
    uint8_t seen = 0;  // NONE has the two bits that no value has
    for (size_t at = 0; at < whole; at += 4) {
        const uint8_t a = sextet(text[at]), b = sextet(text[at + 1]);
        const uint8_t c = sextet(text[at + 2]), d = sextet(text[at + 3]);
        seen |= a | b | c | d;
        *out++ = uint8_t(a << 2 | b >> 4);
        *out++ = uint8_t(b << 4 | c >> 2);
        *out++ = uint8_t(c << 6 | d);
    }
    if (seen & 0xC0) return false;
    if (padded == 0) return true;
    const uint8_t a = sextet(text[whole]), b = sextet(text[whole + 1]);
    const uint8_t c = padded == 2 ? 0 : sextet(text[whole + 2]);
    if ((a | b | c) & 0xC0) return false;
    const uint8_t left_over = padded == 2 ? b & 0x0F : c & 0x03;
    if (left_over) return false;
    *out++ = uint8_t(a << 2 | b >> 4);
    if (padded == 1) *out++ = uint8_t(b << 4 | c >> 2);
    return true;
}

}  // namespace asteroid
