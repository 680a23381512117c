// The best-first walk over a graph: what queries, refining builds and joins have in common.
//
// A graph offers shape(), record(node), links(node) and prefetch_links(node). The pool is one array sorted by
// distance; the neighbours of a node are measured together, so that their cache misses overlap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "parts/part.hpp"
#include "parts/prefetch.hpp"
#include "quant/distance.hpp"
#include "threads/allowance.hpp"

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

// Rows that are measured before a search looks whether it is to end: some microseconds, or as many pages.
constexpr uint64_t CHARGED_ROWS = 256;

constexpr uint32_t EXPANDED = ROWS_MAX + 1;  // marks a pool entry whose neighbours have been measured

// What a thread reuses from walk to walk, so that none allocates once it is warm.
struct Scratch {
    std::vector<Candidate> pool;      // best first
    std::vector<Candidate> frontier;  // a heap, in walks with a wide mask
    uint64_t measured = 0;

    std::vector<uint64_t> visited;    // a bit a node; all 0 between walks
    std::vector<uint32_t> seen;       // the nodes whose bit is set, `seen_count` of them, and room for more
    size_t seen_count = 0;
    std::vector<uint32_t> fresh;      // in walks with a mask, the matching nodes to be measured next
    std::vector<uint32_t> bridges;    // and the nodes among them that do not match
    std::vector<const uint8_t*> records;
    std::vector<float> distances;
    uint32_t rows = 0;                // of the graph at hand

    Allowance* allowance = nullptr;   // null for work without bounds
    uint64_t row_steps = 0;           // what measuring one row counts as
    uint64_t charged = 0;             // of `measured`
    uint64_t charge_at = UINT64_MAX;  // what `measured` is when it is time to look

    void begin(Allowance* given) {
        measured = charged = 0;
        allowance = given;
        charge_at = given ? CHARGED_ROWS : UINT64_MAX;
    }
    // Counts what was measured, now and then. Throws Cancelled when the search is to end.
    void charge() {
        if (measured >= charge_at) charge_all();
    }
    // Out of line, so that the loops around it stay as tight as without it.
    __attribute__((noinline, cold)) void charge_all() {
        if (!allowance) return;
        const uint64_t steps = (measured - charged) * row_steps;
        charged = measured;
        charge_at = measured + CHARGED_ROWS;
        allowance->spend(steps);
    }

    void start(uint32_t graph_rows) {
        rows = graph_rows;
        for (size_t i = 0; i < seen_count; ++i) visited[seen[i] / 64] = 0;
        seen_count = 0;
        pool.clear();
        frontier.clear();
        if (visited.size() < (size_t(rows) + 63) / 64) visited.resize((size_t(rows) + 63) / 64, 0);
    }
    // Whether a node is there and new; it is no longer new then. There must be room for it in `seen`.
    bool mark(uint32_t node) {
        if (node >= rows) return false;
        uint64_t& word = visited[node / 64];
        const uint64_t bit = 1ULL << (node % 64);
        if (word & bit) return false;
        word |= bit;
        seen[seen_count++] = node;
        return true;
    }
    bool visit(uint32_t node) {
        make_room(1);
        return mark(node);
    }
    void make_room(size_t count) {
        if (seen.size() < seen_count + count) seen.resize(2 * seen_count + count);
    }
};

// Nodes that have just been measured.
struct Measured {
    const uint32_t* nodes;
    const float* distances;
    size_t count;
};

// Measures those of `nodes` that are there and new; the result is good until the next call.
template <class Graph>
Measured measure_new(const Graph& graph, const Anchor& anchor, Links nodes, Scratch& scratch) {
    const size_t bytes = record_bytes(graph.shape()), before = scratch.seen_count;
    scratch.make_room(nodes.count);
    if (scratch.records.size() < nodes.count) scratch.records.resize(nodes.count);
    if (scratch.distances.size() < nodes.count) scratch.distances.resize(nodes.count);
    // What the loop uses it keeps in variables: a store to `visited` might change a member.
    const uint32_t rows = scratch.rows;
    uint64_t* const visited = scratch.visited.data();
    uint32_t* const first = scratch.seen.data() + before;
    uint32_t* last = first;
    const uint8_t** record = scratch.records.data();
    for (uint32_t i = 0; i < nodes.count; ++i) {
        const uint32_t node = nodes[i];
        if (node >= rows) continue;
        uint64_t& word = visited[node / 64];
        const uint64_t bit = 1ULL << (node % 64);
        if (word & bit) continue;
        word |= bit;
        *last++ = node;
        prefetch(*record++ = graph.record(node), bytes);
    }
    const size_t count = size_t(last - first);
    scratch.seen_count += count;
    anchor.distances(scratch.records.data(), count, scratch.distances.data());
    scratch.measured += count;
    return {first, scratch.distances.data(), count};
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
    // Nodes farther than this are walked from only while they are among the first `sure`: other parts hold
    // nearer ones already, but a walk has to arrive before it may stop.
    float bound = std::numeric_limits<float>::infinity();
    uint32_t sure = SURE;
    // How far one has to look differs from query to query. A walk goes on with a larger pool, up to `widest`,
    // while the nearest `watched` have changed in its last part, of which `calm` is the share, or twice in
    // the part of which `patience` is.
    uint32_t watched = 0;
    uint32_t widest = 0;
    float calm = 0;
    float patience = 0;

    static constexpr uint32_t SURE = 24;
    bool goes_on(size_t place, float distance) const { return distance <= bound || place < sure; }
};

// How many nodes had been walked from when the nearest changed, the last time and the time before.
struct Changes {
    uint32_t last = 0, before = 0;

    void note(uint32_t expanded) {
        before = last;
        last = expanded;
    }
    bool is_restless(uint32_t expanded, const Reach& reach) const {
        const auto all = float(expanded);
        return float(expanded - last) < reach.calm * all || float(expanded - before) < reach.patience * all;
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

    void run(Links starts) {
        take(starts);
        expand();
        while (!is_bounded_ && ef_ < reach_.widest && changes_.is_restless(expanded_, reach_)) {
            grow();
            expand();
        }
        for (Candidate& candidate : scratch_.pool) candidate.node &= ~EXPANDED;
    }

  private:
    void take(Links nodes) {
        std::vector<Candidate>& pool = scratch_.pool;
        const Measured fresh = measure_new(graph_, anchor_, nodes, scratch_);
        const bool may_grow = reach_.widest > ef_;
        for (size_t i = 0; i < fresh.count; ++i) {
            const Candidate candidate{fresh.distances[i], fresh.nodes[i]};
            if (pool.size() == ef_) {
                if (may_grow)
                    scratch_.frontier.push_back(candidate.distance < pool.back().distance ? pool.back()
                                                                                          : candidate);
                if (candidate.distance >= pool.back().distance) continue;
            }
            const size_t place = insert(pool, candidate, ef_);
            graph_.prefetch_links(candidate.node);
            next_ = std::min(next_, place);
            if (place < reach_.watched) changes_.note(expanded_);
        }
    }

    void expand() {
        std::vector<Candidate>& pool = scratch_.pool;
        while (next_ < pool.size()) {
            scratch_.charge();
            Candidate& current = pool[next_];
            if (current.node & EXPANDED) {
                ++next_;
                continue;
            }
            if (!reach_.goes_on(next_, current.distance)) {
                is_bounded_ = true;
                return;
            }
            const Links links = graph_.links(current.node);
            current.node |= EXPANDED;
            ++expanded_;
            ++next_;
            take(links);
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
    uint32_t expanded_ = 0;
    Changes changes_;
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

    void run(Links starts) {
        take(starts);
        expand();
        while (!is_bounded_ && ef_ < reach_.widest && changes_.is_restless(expanded_, reach_)) {
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

    void take(Links nodes) {
        const Measured fresh = measure_new(graph_, anchor_, nodes, scratch_);
        for (size_t i = 0; i < fresh.count; ++i) {
            const Candidate candidate{fresh.distances[i], fresh.nodes[i]};
            scratch_.pool.push_back(candidate);
            scratch_.frontier.push_back(candidate);
            std::push_heap(scratch_.frontier.begin(), scratch_.frontier.end(), farther);
            nearest_.offer(candidate.distance, ef_);
            if (watched_.offer(candidate.distance, reach_.watched)) changes_.note(expanded_);
        }
    }

    void expand() {
        std::vector<Candidate>& frontier = scratch_.frontier;
        while (!frontier.empty()) {
            scratch_.charge();
            const Candidate current = frontier.front();
            if (nearest_.heap.size() >= ef_ && current.distance > nearest_.heap.front()) return;
            if (!reach_.goes_on(expanded_, current.distance)) {
                is_bounded_ = true;
                return;
            }
            std::pop_heap(frontier.begin(), frontier.end(), farther);
            frontier.pop_back();
            const Links links = graph_.links(current.node);
            ++expanded_;
            take(links);
        }
    }

    const Graph& graph_;
    const Anchor& anchor_;
    const Reach& reach_;
    Scratch& scratch_;
    uint32_t ef_;
    uint32_t expanded_ = 0;
    Changes changes_;
    bool is_bounded_ = false;
    Smallest nearest_, watched_;
};

// From `starts`, leaves up to `reach.ef` of the nearest nodes in scratch.pool, best first, or more if it
// grew.
template <class Graph>
void walk(const Graph& graph, const Anchor& anchor, Links starts, const Reach& reach, Scratch& scratch) {
    if (reach.ef <= SORTED_POOL_MAX)
        SortedWalk<Graph>(graph, anchor, reach, scratch).run(starts);
    else
        HeapedWalk<Graph>(graph, anchor, reach, scratch).run(starts);
}

}  // namespace asteroid
