// A Bloom filter over the names of a segment, in blocks of a cache line: one look, in nearly all segments
// that do not hold a name, says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace asteroid {

constexpr size_t FILTER_BLOCK = 64;     // bytes
constexpr size_t FILTER_BITS_A_NAME = 10;
constexpr unsigned FILTER_PROBES = 6;   // bits of a block that a name sets: about 1.5% of others pass

constexpr size_t filter_bytes(size_t names) {
    const size_t bits = 8 * FILTER_BLOCK;
    return FILTER_BLOCK * ((names * FILTER_BITS_A_NAME + bits - 1) / bits + (names == 0));
}

// Calls visit(byte, bit) for each place of a hash in a filter of whole blocks, until it returns false.
template <class Visit>
bool at_filter_places(uint64_t hash, size_t bytes, const Visit& visit) {
    const uint64_t blocks = bytes / FILTER_BLOCK;
    const size_t block = size_t((hash >> 32) * blocks >> 32) * FILTER_BLOCK;
    uint64_t bits = hash * 0x9e3779b97f4a7c15ULL;
    for (unsigned i = 0; i < FILTER_PROBES; ++i, bits >>= 9) {
        const unsigned place = unsigned(bits & (8 * FILTER_BLOCK - 1));
        if (!visit(block + place / 8, uint8_t(1u << (place % 8)))) return false;
    }
    return true;
}

inline void add_to_filter(uint8_t* filter, size_t bytes, uint64_t hash) {
    at_filter_places(hash, bytes, [&](size_t at, uint8_t bit) { return filter[at] |= bit, true; });
}

inline bool may_be_in_filter(const uint8_t* filter, size_t bytes, uint64_t hash) {
    return at_filter_places(hash, bytes, [&](size_t at, uint8_t bit) { return (filter[at] & bit) != 0; });
}

}  // namespace asteroid
