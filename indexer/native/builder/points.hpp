// What a graph is built of: some rows of a graph builder, numbered from 0, and a table of links between them.
#pragma once

#include <cstdint>

#include "builder/graph_builder.hpp"

namespace asteroid {

// A fixed scrambling of numbers (the finaliser of SplitMix64), by which samples are drawn.
inline uint64_t scrambled(uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

// `count` rows of a graph builder: those from `first` on, or those that `chosen` lists.
struct Points {
    const GraphBuilder* builder;
    uint32_t first;
    uint32_t count;
    const uint32_t* chosen = nullptr;
    bool by_product = false;  // compared by inner products, as queries under ip are

    const Shape& shape() const { return builder->shape(); }
    Space space() const { return by_product ? search_space(shape()) : builder->space(); }
    uint32_t row(uint32_t point) const { return chosen ? chosen[point] : first + point; }
    const uint8_t* record(uint32_t point) const { return builder->record(row(point)); }
};

// A (count | number × most) list for each point, `stride` words apart; those of some points only if they are
// `chosen`.
struct LinkTable {
    uint32_t* base;
    size_t stride;
    uint32_t most;
    const uint32_t* chosen = nullptr;

    uint32_t* list(uint32_t point) const { return base + (chosen ? chosen[point] : point) * stride; }
};

// Points with their links, as a walk sees them.
struct PointGraph {
    const Points& points;
    const LinkTable& table;

    const Shape& shape() const { return points.shape(); }
    uint32_t rows() const { return points.count; }
    const uint8_t* record(uint32_t point) const { return points.record(point); }
    Links links(uint32_t point) const {
        const uint32_t* list = table.list(point);
        return {list + 1, list[0]};
    }
    void prefetch_links(uint32_t point) const { __builtin_prefetch(table.list(point)); }
};

}  // namespace asteroid
