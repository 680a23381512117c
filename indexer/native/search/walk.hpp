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

    std::vector<uint64_t> visited;  // a bit a node; all 0 between walks
    std::vector<uint32_t> seen;     // the nodes whose bit is set
    std::vector<uint32_t> fresh;    // unvisited neighbours of the node at hand
    std::vector<uint32_t> bridges;  // of them, in walks with a mask, those that do not match
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

// How far a walk goes.
struct Reach {
    uint32_t ef;  // nodes that the pool holds, and that are walked from
    // Nodes farther than this are walked from only while they are among the first SURE: other parts hold
    // nearer ones already, but a walk has to arrive before it may stop.
    float bound = std::numeric_limits<float>::infinity();
    // While the nearest `watched` have changed in the last third of a walk, it goes on with a larger pool, up
    // to `widest`: how far one has to look differs from query to query.
    uint32_t watched = 0;
    uint32_t widest = 0;

    static constexpr uint32_t SURE = 24;
    bool goes_on(size_t place, float distance) const { return distance <= bound || place < SURE; }
    bool is_restless(uint32_t ef_now, uint32_t expanded, uint32_t changed) const {
        return ef_now < widest && expanded - changed < expanded / 3;
    }
};

// Pools beyond this are heaps: putting a node into a sorted array moves all behind it.
constexpr uint32_t SORTED_POOL_MAX = 1024;

// A walk whose pool is one sorted array. What it has no room for is remembered, for the case that it grows.
template <class Graph>
class SortedWalk {
  public:
    SortedWalk(const Graph& graph, const Anchor& anchor, const Reach& reach, Scratch& scratch)
        : graph_(graph), anchor_(anchor), reach_(reach), scratch_(scratch), ef_(reach.ef) {
        scratch.frontier.clear();
        scratch.pool.reserve(size_t(ef_) + 1);
    }

    void run(const uint32_t* starts, uint32_t start_count) {
        take(starts, start_count);
        expand();
        while (!is_bounded_ && reach_.is_restless(ef_, expanded_, changed_)) {
            grow();
            expand();
        }
        for (Candidate& candidate : scratch_.pool) candidate.node &= ~EXPANDED;
    }

  private:
    void take(const uint32_t* nodes, uint32_t count) {
        std::vector<Candidate>& pool = scratch_.pool;
        measure_new(graph_, anchor_, nodes, count, scratch_);
        const bool may_grow = reach_.widest > ef_;
        for (size_t i = 0; i < scratch_.fresh.size(); ++i) {
            const Candidate candidate{scratch_.distances[i], scratch_.fresh[i]};
            if (pool.size() == ef_) {
                if (may_grow)
                    scratch_.frontier.push_back(candidate.distance < pool.back().distance ? pool.back()
                                                                                          : candidate);
                if (candidate.distance >= pool.back().distance) continue;
            }
            const size_t place = insert(pool, candidate, ef_);
            graph_.prefetch_links(candidate.node);
            next_ = std::min(next_, place);
            if (place < reach_.watched) changed_ = expanded_;
        }
    }

    void expand() {
        std::vector<Candidate>& pool = scratch_.pool;
        while (next_ < pool.size()) {
            Candidate& current = pool[next_];
            if (current.node & EXPANDED) {
                ++next_;
                continue;
            }
            if (!reach_.goes_on(next_, current.distance)) {
                is_bounded_ = true;
                return;
            }
            const Links links = graph_.links(current.node, scratch_.links);
            current.node |= EXPANDED;
            ++expanded_;
            ++next_;
            take(links.begin, links.count);
        }
    }

    // Takes the nearest of what there was no room for into a pool twice as large.
    void grow() {
        std::vector<Candidate>&pool = scratch_.pool, &rest = scratch_.frontier;
        const size_t old = pool.size();
        ef_ = std::min(2 * ef_, reach_.widest);
        const size_t room = std::min(rest.size(), size_t(ef_) - std::min<size_t>(old, ef_));
        const auto by_distance = [](const Candidate& a, const Candidate& b) {
            return a.distance < b.distance;
        };
        std::nth_element(rest.begin(), rest.begin() + ptrdiff_t(room), rest.end(), by_distance);
        pool.insert(pool.end(), rest.begin(), rest.begin() + ptrdiff_t(room));
        rest.erase(rest.begin(), rest.begin() + ptrdiff_t(room));
        std::sort(pool.begin() + ptrdiff_t(old), pool.end(), by_distance);
        std::inplace_merge(pool.begin(), pool.begin() + ptrdiff_t(old), pool.end(), by_distance);
        next_ = 0;
    }

    const Graph& graph_;
    const Anchor& anchor_;
    const Reach& reach_;
    Scratch& scratch_;
    uint32_t ef_;
    uint32_t expanded_ = 0, changed_ = 0;
    bool is_bounded_ = false;
    size_t next_ = 0;  // no entry of the pool before it is unexpanded
};

inline bool farther(const Candidate& a, const Candidate& b) { return nearer(b, a); }

// A walk that remembers all that it measures, for pools of any size.
template <class Graph>
class HeapedWalk {
  public:
    HeapedWalk(const Graph& graph, const Anchor& anchor, const Reach& reach, Scratch& scratch)
        : graph_(graph), anchor_(anchor), reach_(reach), scratch_(scratch), ef_(reach.ef) {
        scratch.pool.clear();
        scratch.frontier.clear();
    }

    void run(const uint32_t* starts, uint32_t start_count) {
        take(starts, start_count);
        expand();
        while (!is_bounded_ && reach_.is_restless(ef_, expanded_, changed_)) {
            ef_ = std::min(2 * ef_, reach_.widest);
            nearest_.assign_from(scratch_.pool, ef_);
            expand();
        }
        std::vector<Candidate>& pool = scratch_.pool;
        const size_t kept = std::min<size_t>(ef_, pool.size());
        std::partial_sort(pool.begin(), pool.begin() + ptrdiff_t(kept), pool.end(), nearer);
        pool.resize(kept);
    }

  private:
    // The smallest distances, as a heap with the largest of them first.
    struct Smallest {
        std::vector<float> heap;
        bool offer(float distance, size_t most) {
            if (most == 0 || (heap.size() >= most && distance >= heap.front())) return false;
            if (heap.size() >= most) {
                std::pop_heap(heap.begin(), heap.end());
                heap.pop_back();
            }
            heap.push_back(distance);
            std::push_heap(heap.begin(), heap.end());
            return true;
        }
        void assign_from(const std::vector<Candidate>& all, size_t most) {
            heap.clear();
            for (const Candidate& candidate : all) offer(candidate.distance, most);
        }
    };

    void take(const uint32_t* nodes, uint32_t count) {
        measure_new(graph_, anchor_, nodes, count, scratch_);
        for (size_t i = 0; i < scratch_.fresh.size(); ++i) {
            const Candidate candidate{scratch_.distances[i], scratch_.fresh[i]};
            scratch_.pool.push_back(candidate);
            scratch_.frontier.push_back(candidate);
            std::push_heap(scratch_.frontier.begin(), scratch_.frontier.end(), farther);
            nearest_.offer(candidate.distance, ef_);
            if (watched_.offer(candidate.distance, reach_.watched)) changed_ = expanded_;
        }
    }

    void expand() {
        std::vector<Candidate>& frontier = scratch_.frontier;
        while (!frontier.empty()) {
            const Candidate current = frontier.front();
            if (nearest_.heap.size() >= ef_ && current.distance > nearest_.heap.front()) return;
            if (!reach_.goes_on(expanded_, current.distance)) {
                is_bounded_ = true;
                return;
            }
            std::pop_heap(frontier.begin(), frontier.end(), farther);
            frontier.pop_back();
            const Links links = graph_.links(current.node, scratch_.links);
            ++expanded_;
            take(links.begin, links.count);
        }
    }

    const Graph& graph_;
    const Anchor& anchor_;
    const Reach& reach_;
    Scratch& scratch_;
    uint32_t ef_;
    uint32_t expanded_ = 0, changed_ = 0;
    bool is_bounded_ = false;
    Smallest nearest_, watched_;
};

// From `starts`, leaves up to `reach.ef` of the nearest nodes in scratch.pool, best first, or more if it
// grew.
template <class Graph>
void walk(const Graph& graph, const Anchor& anchor, const uint32_t* starts, uint32_t start_count,
          const Reach& reach, Scratch& scratch) {
    if (reach.ef <= SORTED_POOL_MAX)
        SortedWalk<Graph>(graph, anchor, reach, scratch).run(starts, start_count);
    else
        HeapedWalk<Graph>(graph, anchor, reach, scratch).run(starts, start_count);
}

}  // namespace asteroid
