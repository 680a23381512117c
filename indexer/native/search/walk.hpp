// The best-first walk over a graph: what queries, refining builds and joins have in common.
//
// A graph offers shape(), record(node), prefetch_links(node) and links(node, buffer); all links are to nodes
// that it has. The pool is one array sorted by distance; the neighbours of a node are measured together, so
// that their cache misses overlap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "parts/part.hpp"
#include "parts/prefetch.hpp"
#include "quant/sq8.hpp"

namespace asteroid {

struct Candidate {
    float distance;
    uint32_t node;
};

struct Nearer {
    bool operator()(const Candidate& a, const Candidate& b) const {
        return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
    }
};
constexpr Nearer nearer{};

constexpr uint32_t EXPANDED = ROWS_MAX + 1;  // marks a pool entry whose neighbours have been measured

// What a thread reuses from walk to walk, so that none allocates once it is warm.
struct Scratch {
    std::vector<Candidate> pool;      // best first
    std::vector<Candidate> frontier;  // a heap, in walks with a wide mask
    uint64_t measured = 0;

    std::vector<uint64_t> visited;    // a bit a node; all 0 between walks
    std::vector<uint32_t> seen;       // the nodes whose bit is set
    std::vector<uint32_t> fresh;      // unvisited neighbours of the node at hand
    std::vector<uint32_t> bridges;    // of them, in walks with a mask, those that do not match
    std::vector<const uint8_t*> records;
    std::vector<float> distances;
    LinkBuffer links;         // of the node at hand
    LinkBuffer bridge_links;  // of a bridge

    void start(uint32_t rows) {
        for (const uint32_t node : seen) visited[node / 64] = 0;
        seen.clear();
        pool.clear();
        frontier.clear();
        if (visited.size() < (size_t(rows) + 63) / 64) visited.resize((size_t(rows) + 63) / 64, 0);
    }
    bool visit(uint32_t node) {
        uint64_t& word = visited[node / 64];
        const uint64_t bit = 1ULL << (node % 64);
        if (word & bit) return false;
        word |= bit;
        seen.push_back(node);
        return true;
    }
};

// Measures those of `nodes` that are new; afterwards fresh and distances are parallel.
template <class Graph>
void measure_new(const Graph& graph, const Anchor& anchor, const uint32_t* nodes, uint32_t count,
                 Scratch& scratch) {
    const size_t bytes = record_bytes(graph.shape().dim);
    scratch.fresh.clear();
    scratch.records.clear();
    for (uint32_t i = 0; i < count; ++i) {
        if (!scratch.visit(nodes[i])) continue;
        const uint8_t* record = graph.record(nodes[i]);
        prefetch(record, bytes);
        scratch.fresh.push_back(nodes[i]);
        scratch.records.push_back(record);
    }
    scratch.distances.resize(scratch.fresh.size());
    anchor.distances(scratch.records.data(), scratch.fresh.size(), scratch.distances.data());
    scratch.measured += scratch.fresh.size();
}

// Puts a candidate into a sorted pool of at most `size` places; returns its place, or `size`.
inline size_t insert(std::vector<Candidate>& pool, const Candidate& candidate, size_t size) {
    if (pool.size() == size && candidate.distance >= pool.back().distance) return size;
    const auto at = std::upper_bound(pool.begin(), pool.end(), candidate.distance,
                                     [](float d, const Candidate& c) { return d < c.distance; });
    const size_t place = size_t(at - pool.begin());
    if (pool.size() < size) pool.push_back(candidate);
    Candidate* data = pool.data();
    std::memmove(data + place + 1, data + place, (pool.size() - 1 - place) * sizeof(Candidate));
    data[place] = candidate;
    return place;
}

// From `starts`, leaves up to `ef` of the nearest nodes in scratch.pool, best first. Nodes farther than
// `bound` are not walked from once `settled` nodes have been: others hold nearer ones already.
template <class Graph>
void walk(const Graph& graph, const Anchor& anchor, const uint32_t* starts, uint32_t start_count,
          uint32_t ef, Scratch& scratch, float bound = std::numeric_limits<float>::infinity(),
          uint32_t settled = 0) {
    std::vector<Candidate>& pool = scratch.pool;
    pool.reserve(size_t(ef) + 1);
    size_t next = 0;
    const auto take = [&](const uint32_t* nodes, uint32_t count) {
        measure_new(graph, anchor, nodes, count, scratch);
        for (size_t i = 0; i < scratch.fresh.size(); ++i) {
            const uint32_t node = scratch.fresh[i];
            const size_t place = insert(pool, {scratch.distances[i], node}, ef);
            if (place == ef) continue;
            graph.prefetch_links(node);
            next = std::min(next, place);
        }
    };
    take(starts, start_count);
    for (uint32_t expanded = 0; next < pool.size();) {
        Candidate& current = pool[next];
        if (current.node & EXPANDED) {
            ++next;
            continue;
        }
        if (current.distance > bound && expanded >= settled) break;
        const Links links = graph.links(current.node, scratch.links);
        current.node |= EXPANDED;
        ++expanded;
        ++next;
        take(links.begin, links.count);
    }
    for (Candidate& candidate : pool) candidate.node &= ~EXPANDED;
}

}  // namespace asteroid
