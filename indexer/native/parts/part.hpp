// What a search needs of a part of an index: records by ordinal, and where there is one, a graph.
#pragma once

#include <cstdint>
#include <cstddef>

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
