// What a search needs of a part of an index: records by ordinal, and where there is one, a graph.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "parts/layout.hpp"
#include "quant/sq8.hpp"

namespace asteroid {

constexpr uint32_t NO_NODE = 0xffffffffu;

// A set of ordinals as packed bits, little end first; no bits at all means every ordinal.
struct Mask {
    const uint8_t* bits = nullptr;
    bool has(uint32_t ordinal) const { return !bits || (bits[ordinal >> 3] >> (ordinal & 7) & 1); }
};

// The out-links of a node, no more than a list holds. They may lie in a mapped file, whose bytes may have
// changed since it was checked and may change now: a link is read once and checked before it is used.
struct Links {
    const uint32_t* begin;
    uint32_t count;

    uint32_t operator[](uint32_t i) const { return __atomic_load_n(begin + i, __ATOMIC_RELAXED); }
};

// The list at `list` (count, then links), cut to `most` links.
inline Links links_at(const uint8_t* list, uint32_t most) {
    const uint32_t* words = reinterpret_cast<const uint32_t*>(list);
    return {words + 1, std::min(__atomic_load_n(words, __ATOMIC_RELAXED), most)};
}

// The links to nodes below `nodes`, copied.
using LinkBuffer = std::array<uint32_t, 2 * LINKS_MAX_MAX>;
inline Links checked(const Links& links, uint32_t nodes, LinkBuffer& buffer) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < links.count; ++i)
        if (const uint32_t node = links[i]; node < nodes) buffer[count++] = node;
    return {buffer.data(), count};
}

// A file has changed since it was checked.
struct DamagedSegment : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Part {
  public:
    virtual ~Part() = default;
    virtual const Shape& shape() const = 0;
    virtual uint32_t rows() const = 0;
    // The first rows, which have records, and where there is a graph, nodes; the others have ids alone.
    virtual uint32_t vector_rows() const { return rows(); }
    // The integer that is a row's id. Where ids are names it is the rank of the name, or means nothing.
    virtual uint64_t id(uint32_t ordinal) const = 0;
    virtual bool has_names() const = 0;
    // Whether rows with names are ordered by id() as by their names.
    virtual bool has_ranks() const = 0;
    // The name of a row; throws DamagedSegment.
    virtual std::string_view name(uint32_t ordinal) const = 0;
    virtual const uint8_t* record(uint32_t ordinal) const = 0;
    virtual const uint8_t* fine(uint32_t ordinal) const = 0;  // null when the index keeps no residuals
};

}  // namespace asteroid
