#include "walk.hpp"

#include <algorithm>

namespace asteroid {
namespace {

constexpr size_t CACHE_LINE = 64;

bool farther(const Candidate& a, const Candidate& b) { return nearer(b, a); }

void prefetch(const uint8_t* record, size_t bytes) {
    for (size_t at = 0; at < bytes; at += CACHE_LINE) __builtin_prefetch(record + at);
}

bool visit(std::vector<uint64_t>& visited, uint32_t node) {
    uint64_t& word = visited[node / 64];
    const uint64_t bit = 1ULL << (node % 64);
    const bool is_new = !(word & bit);
    word |= bit;
    return is_new;
}

// From the top level down to the ground, always to the nearest neighbour.
Candidate descend(const Segment& segment, const Query& query, Scratch& scratch) {
    uint32_t position = segment.entry();
    const size_t levels = segment.levels();
    const auto rank_at = [&](size_t level, uint32_t at) {
        ++scratch.measured;
        return query.rank(segment.record(segment.upper_ordinal(level, at)));
    };
    if (levels == 0) return {query.rank(segment.record(position)), position};
    float best = rank_at(levels - 1, position);
    for (size_t level = levels; level-- > 0;) {
        for (bool moved = true; moved;) {
            moved = false;
            const Links links = segment.upper_links(level, position);
            for (uint32_t i = 0; i < links.count; ++i) {
                const float rank = rank_at(level, links.begin[i]);
                if (rank < best) best = rank, position = links.begin[i], moved = true;
            }
        }
        position = segment.upper_down(level, position);
    }
    return {best, position};
}

// The neighbours of `node` not seen before, their records on the way into the cache.
void open(const Segment& segment, uint32_t node, Scratch& scratch) {
    scratch.fresh.clear();
    const Links links = segment.links(node);
    const size_t bytes = record_bytes(segment.dim());
    for (uint32_t i = 0; i < links.count; ++i)
        if (visit(scratch.visited, links.begin[i])) {
            scratch.fresh.push_back(links.begin[i]);
            prefetch(segment.record(links.begin[i]), bytes);
        }
    scratch.measured += scratch.fresh.size();
}

// Puts a candidate into a pool sorted best first, at most `ef` long; returns where, or ef.
size_t insert(std::vector<Candidate>& pool, const Candidate& candidate, size_t ef) {
    const auto at = std::lower_bound(pool.begin(), pool.end(), candidate, nearer);
    const size_t index = size_t(at - pool.begin());
    if (index >= ef) return ef;
    if (pool.size() == ef) pool.pop_back();
    pool.insert(pool.begin() + ptrdiff_t(index), candidate);
    return index;
}

void start(const Segment& segment, Scratch& scratch) {
    scratch.visited.assign((size_t(segment.rows()) + 63) / 64, 0);
    scratch.pool.clear();
    scratch.frontier.clear();
    scratch.expanded.clear();
}

}  // namespace

void walk(const Segment& segment, const Query& query, uint32_t ef, Scratch& scratch) {
    start(segment, scratch);
    const Candidate entry = descend(segment, query, scratch);
    std::vector<Candidate>& pool = scratch.pool;
    std::vector<uint8_t>& expanded = scratch.expanded;
    pool.push_back(entry);
    expanded.push_back(0);
    visit(scratch.visited, entry.node);
    for (size_t next = 0; next < pool.size();) {
        if (expanded[next]) {
            ++next;
            continue;
        }
        expanded[next] = 1;
        open(segment, pool[next].node, scratch);
        size_t nearest = next + 1;
        for (const uint32_t node : scratch.fresh) {
            const Candidate candidate{query.rank(segment.record(node)), node};
            if (pool.size() == ef && !nearer(candidate, pool.back())) continue;
            const size_t at = insert(pool, candidate, ef);
            if (expanded.size() == ef) expanded.pop_back();
            expanded.insert(expanded.begin() + ptrdiff_t(at), 0);
            nearest = std::min(nearest, at);
        }
        next = nearest;
    }
}

bool walk_masked(const Segment& segment, const Query& query, uint32_t ef, const Mask& mask,
                 uint32_t matches, Scratch& scratch) {
    start(segment, scratch);
    const size_t wanted = std::min(ef, matches);
    const uint64_t budget = scratch.measured + std::max<uint64_t>(matches, 2 * uint64_t(ef));
    std::vector<Candidate>& pool = scratch.pool;
    std::vector<Candidate>& frontier = scratch.frontier;
    const auto meet = [&](const Candidate& candidate) {
        if (pool.size() >= wanted && !nearer(candidate, pool.back())) return;
        frontier.push_back(candidate);
        std::push_heap(frontier.begin(), frontier.end(), farther);
        if (mask.has(candidate.node)) insert(pool, candidate, wanted);
    };
    const Candidate entry = descend(segment, query, scratch);
    visit(scratch.visited, entry.node);
    meet(entry);
    while (!frontier.empty()) {
        const Candidate current = frontier.front();
        if (pool.size() >= wanted && nearer(pool.back(), current)) break;
        std::pop_heap(frontier.begin(), frontier.end(), farther);
        frontier.pop_back();
        open(segment, current.node, scratch);
        if (scratch.measured > budget) return false;
        for (const uint32_t node : scratch.fresh) meet({query.rank(segment.record(node)), node});
    }
    return pool.size() >= wanted;
}

}  // namespace asteroid
