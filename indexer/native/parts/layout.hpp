// How the nodes of a segment file are laid out, for who writes one and who reads one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/sq8.hpp"

namespace asteroid {

// Each level has about this many times fewer nodes than the one below.
constexpr uint32_t LEVEL_RATIO = 32;
// The highest level has at most so many nodes, and a search begins by measuring all of them.
constexpr uint32_t TOP_NODES_MAX = 64;

// Bounds of what a segment may say of itself.
constexpr uint32_t ROWS_MAX = (1u << 31) - 1;  // the highest bit of a node's number is free for marks
constexpr uint32_t LINKS_MAX_MAX = 256;        // links a node on upper levels; twice as many on the ground
constexpr size_t SECTION_ALIGN = 8;            // each section of a file begins at a multiple of this

constexpr size_t CACHE_LINE = 64;
constexpr size_t LARGE_NODE = 512;  // from here on a whole line of padding costs at most an eighth

constexpr size_t rounded_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

// Bytes of a list of up to `most` links: their count, then the links.
constexpr size_t list_bytes(size_t most) { return sizeof(uint32_t) * (1 + most); }

// Bytes from one node of a segment file to the next: the record, the list of up to 2·links_max links, and
// padding so that a record touches as few cache lines as it can.
constexpr size_t node_bytes(const Shape& shape, uint32_t links_max) {
    const size_t bytes = record_bytes(shape) + list_bytes(2 * size_t(links_max));
    return rounded_up(bytes, bytes >= LARGE_NODE ? CACHE_LINE : CACHE_LINE / 2);
}

}  // namespace asteroid
