// What a search needs of a part of an index: records by ordinal, and where there is one, a graph.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "parts/layout.hpp"
#include "quant/load.hpp"
#include "quant/sq8.hpp"

namespace asteroid {

constexpr uint32_t NO_NODE = 0xffffffffu;

// A set of ordinals as packed bits, little end first; no bits at all means every ordinal.
struct Mask {
    const uint8_t* bits = nullptr;
    bool has(uint32_t ordinal) const { return !bits || (bits[ordinal >> 3] >> (ordinal & 7) & 1); }
};

// The out-links of a node.
struct Links {
    const uint32_t* begin;
    uint32_t count;
};

// Where a graph that lies in a file puts a copy of the links that it has checked.
using LinkBuffer = std::array<uint32_t, 2 * LINKS_MAX_MAX>;

// The list at `list` (count, then links): at most `most` links, and those of nodes below `nodes` only. The
// bytes may have changed since the file was checked, and may change now: they are copied before they are
// looked at, and nothing else is read of them.
inline Links checked_links(const uint8_t* list, uint32_t most, uint32_t nodes, LinkBuffer& buffer) {
    uint32_t* __restrict const copy = buffer.data();
    const uint32_t count = std::min(load<uint32_t>(list), most);
    uint32_t signs = 0;  // the highest bit is set once a link is no smaller than `nodes`
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t node = load<uint32_t>(list + sizeof(uint32_t) * (1 + i));
        copy[i] = node;
        signs |= node | (nodes - 1 - node);
    }
    if (signs <= ROWS_MAX) return {copy, count};
    const auto is_beyond = [nodes](uint32_t node) { return node >= nodes; };
    return {copy, uint32_t(std::remove_if(copy, copy + count, is_beyond) - copy)};
}

class Part {
  public:
    virtual ~Part() = default;
    virtual const Shape& shape() const = 0;
    virtual uint32_t rows() const = 0;
    virtual uint64_t id(uint32_t ordinal) const = 0;
    virtual const uint8_t* record(uint32_t ordinal) const = 0;
    virtual const uint8_t* fine(uint32_t ordinal) const = 0;  // null when the index keeps no residuals
};

}  // namespace asteroid
