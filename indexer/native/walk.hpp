// The walk over a segment's graph, with or without a mask.
#pragma once

#include <cstdint>
#include <vector>

#include "part.hpp"
#include "segment.hpp"

namespace asteroid {

struct Candidate {
    float rank;
    uint32_t node;
};

inline bool nearer(const Candidate& a, const Candidate& b) {
    return a.rank < b.rank || (a.rank == b.rank && a.node < b.node);
}

// What a thread reuses from query to query, so that a walk allocates nothing once it is warm.
struct Scratch {
    std::vector<uint64_t> visited;     // a bit a node
    std::vector<Candidate> pool;       // best first
    std::vector<uint8_t> expanded;     // beside pool, in walks without a mask
    std::vector<Candidate> frontier;   // a heap, in walks with a mask
    std::vector<uint32_t> fresh;       // unvisited neighbours of the node at hand
    uint64_t measured = 0;
};

// Fills scratch.pool with up to `ef` of the nearest nodes, best first.
void walk(const Segment& segment, const Query& query, uint32_t ef, Scratch& scratch);

// The same for nodes in `mask` only, of which there are `matches`. False when the budget of measured
// nodes is spent before the pool is sure: the caller then scans.
bool walk_masked(const Segment& segment, const Query& query, uint32_t ef, const Mask& mask,
                 uint32_t matches, Scratch& scratch);

}  // namespace asteroid
