#include "names/names.hpp"

#include "quant/load.hpp"

namespace asteroid {
namespace {

// Bytes of the character that begins at text[at]; 0 when none does.
size_t character(std::string_view text, size_t at) {
    const uint8_t lead = uint8_t(text[at]);
    if (lead < 0x80) return 1;
    const size_t follow = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - at <= follow) return 0;
    const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    const uint8_t second = uint8_t(text[at + 1]);
    if (second < low || second > high) return 0;
    for (size_t i = 2; i <= follow; ++i)
        if ((uint8_t(text[at + i]) & 0xC0) != 0x80) return 0;
    return follow + 1;
}

// The finaliser of MurmurHash3.
uint64_t mixed(uint64_t x) {
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}

}  // namespace

bool is_utf8(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        const size_t bytes = character(text, at);
        if (bytes == 0) return false;
        at += bytes;
    }
    return true;
}

uint64_t name_hash(std::string_view name) {
    uint64_t hash = 0x9e3779b97f4a7c15ULL ^ name.size();
    const auto* bytes = reinterpret_cast<const uint8_t*>(name.data());
    size_t left = name.size();
    for (; left >= 8; bytes += 8, left -= 8) hash = mixed(hash ^ load<uint64_t>(bytes));
    uint64_t rest = 0;
    for (size_t i = 0; i < left; ++i) rest |= uint64_t(bytes[i]) << (8 * i);
    return mixed(hash ^ rest);
}

}  // namespace asteroid
