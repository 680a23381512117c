// Choosing a node's links among candidates: near ones, in different directions.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/sq8.hpp"
#include "search/walk.hpp"

namespace asteroid {

// A candidate is dropped when one already chosen is SLACK times nearer to it than the node itself is, or
// equal to it: at 1 only the sparsest graph is left, above 1 some longer links stay. DiskANN's α (Subramanya
// et al., 2019), applied to squared distances.
constexpr float SLACK = 1.1f;

// What a thread reuses from node to node.
struct PruneScratch {
    std::vector<uint8_t> dropped;
    std::vector<uint32_t> rest;
    std::vector<const uint8_t*> records;
    std::vector<float> distances;
};

// Chooses up to `most` of `candidates`, which are sorted best first and without repetition, and leaves
// them at the front; returns how many. `record_of(node)` gives a record.
template <class RecordOf>
size_t prune(std::vector<Candidate>& candidates, size_t most, const Space& space, PruneScratch& scratch,
             const RecordOf& record_of) {
    // Inner products may be negative: no slack there.
    const float slack = space.formula == Formula::ip ? 1 : SLACK;
    const size_t n = candidates.size();
    scratch.dropped.assign(n, 0);
    scratch.records.resize(n);
    scratch.distances.resize(n);
    scratch.rest.resize(n);
    size_t chosen = 0;
    for (size_t i = 0; i < n && chosen < most; ++i) {
        if (scratch.dropped[i]) continue;
        const Candidate keep = candidates[i];
        size_t left = 0;
        for (size_t j = i + 1; j < n; ++j) {
            if (scratch.dropped[j]) continue;
            scratch.rest[left] = uint32_t(j);
            scratch.records[left++] = record_of(candidates[j].node);
        }
        Anchor(record_of(keep.node), space).distances(scratch.records.data(), left, scratch.distances.data());
        for (size_t j = 0; j < left; ++j)
            if (slack * scratch.distances[j] < candidates[scratch.rest[j]].distance ||
                (scratch.distances[j] == 0 && space.formula != Formula::ip))
                scratch.dropped[scratch.rest[j]] = 1;
        candidates[chosen++] = keep;  // chosen ≤ i: nothing unread is overwritten
    }
    return chosen;
}

// Sorts candidates best first and removes repetitions.
inline void sort_unique(std::vector<Candidate>& candidates) {
    std::sort(candidates.begin(), candidates.end(), nearer);
    const auto same = [](const Candidate& a, const Candidate& b) { return a.node == b.node; };
    candidates.erase(std::unique(candidates.begin(), candidates.end(), same), candidates.end());
}

}  // namespace asteroid
