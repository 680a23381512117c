#include "search/masked_walk.hpp"

#include <algorithm>
#include <cmath>

namespace asteroid {
namespace {

// Matching nodes that one step meets before it stops looking behind nodes that do not match.
constexpr size_t GATHERED = 24;
// Matching rows, evenly spread over the segment, that a walk begins with beside the entry: what matches may
// lie far from where the query is.
constexpr uint32_t SEEDS = 16;
// Share of matching rows from which on all nodes are measured, those that do not match too: few are wasted,
// and what is near the query but does not match leads to what does.
constexpr double WIDE_SHARE = 0.4;

// A mask thins the graph out: to find as much, a walk needs up to half as much ef again, and where matches
// are sparse, more in proportion.
size_t masked_ef(uint32_t ef, uint32_t matches, uint32_t rows) {
    const double share = double(matches) / rows;
    const double wider = (1 + (1 - share) / 2) * std::max(1.0, SPARSE_SHARE / share);
    return std::min<size_t>(matches, size_t(std::ceil(ef * wider)));
}

// A segment seen through a mask: only matching nodes are measured. What does not match is a bridge: its links
// are looked at in the same step (two hops, as in ACORN, arXiv 2403.04871).
class MaskedWalk {
  public:
    MaskedWalk(const Segment& segment, const Anchor& anchor, const Mask& mask, size_t wanted,
               Scratch& scratch)
        : segment_(segment), anchor_(anchor), mask_(mask), wanted_(wanted), scratch_(scratch) {
        scratch.start(segment.rows());
        scratch.pool.reserve(wanted + 1);
    }

    void begin() {
        const uint32_t entry = segment_.entry(anchor_, scratch_.measured);
        gather(&entry, 1);
        for (uint32_t i = 0; i < SEEDS; ++i) {
            const uint32_t from = uint32_t(uint64_t(segment_.rows()) * i / SEEDS);
            const uint32_t seed = first_match(from);
            if (seed < segment_.rows() && scratch_.visit(seed)) add(seed);
        }
        measure();
    }

    // False once more has been measured than `budget`.
    bool run(uint64_t budget) {
        std::vector<Candidate>& pool = scratch_.pool;
        while (next_ < pool.size()) {
            Candidate& current = pool[next_++];
            if (current.node & EXPANDED) continue;
            const Links links = segment_.links(current.node, scratch_.links);
            current.node |= EXPANDED;
            gather(links.begin, links.count);
            measure();
            if (scratch_.measured > budget) return false;
        }
        return true;
    }

  private:
    uint32_t first_match(uint32_t from) const {
        const uint32_t rows = segment_.rows();
        for (; from < rows && from % 64 != 0; ++from)
            if (mask_.has(from)) return from;
        for (; from < rows; from += 64) {  // a word of bits at a time
            uint64_t word = 0;
            std::memcpy(&word, mask_.bits + from / 8, std::min<size_t>(8, (size_t(rows) - from + 7) / 8));
            if (word) return std::min(rows, from + uint32_t(__builtin_ctzll(word)));
        }
        return rows;
    }

    void add(uint32_t node) {
        const uint8_t* record = segment_.record(node);
        prefetch(record, record_bytes(segment_.shape().dim));
        scratch_.fresh.push_back(node);
        scratch_.records.push_back(record);
    }

    // The new matching nodes among these, and behind those that do not match.
    void gather(const uint32_t* nodes, uint32_t count) {
        scratch_.fresh.clear();
        scratch_.records.clear();
        bridges_.clear();
        size_t matching = 0;  // visited ones too
        for (uint32_t i = 0; i < count; ++i) {
            if (mask_.has(nodes[i])) {
                ++matching;
                if (scratch_.visit(nodes[i])) add(nodes[i]);
            } else if (scratch_.visit(nodes[i])) {
                segment_.prefetch_links(nodes[i]);
                bridges_.push_back(nodes[i]);
            }
        }
        for (const uint32_t bridge : bridges_) {
            if (matching >= GATHERED) break;
            const Links links = segment_.links(bridge, scratch_.bridge_links);
            for (uint32_t i = 0; i < links.count; ++i) {
                if (!mask_.has(links.begin[i])) continue;  // not visited: it may yet be a bridge
                ++matching;
                if (scratch_.visit(links.begin[i])) add(links.begin[i]);
            }
        }
    }

    void measure() {
        scratch_.distances.resize(scratch_.fresh.size());
        anchor_.distances(scratch_.records.data(), scratch_.fresh.size(), scratch_.distances.data());
        scratch_.measured += scratch_.fresh.size();
        for (size_t i = 0; i < scratch_.fresh.size(); ++i) {
            const size_t place = insert(scratch_.pool, {scratch_.distances[i], scratch_.fresh[i]}, wanted_);
            if (place == wanted_) continue;
            segment_.prefetch_links(scratch_.fresh[i]);
            next_ = std::min(next_, place);
        }
    }

    const Segment& segment_;
    const Anchor& anchor_;
    const Mask& mask_;
    const size_t wanted_;
    Scratch& scratch_;
    std::vector<uint32_t>& bridges_ = scratch_.bridges;
    size_t next_ = 0;  // no entry of the pool before it is unexpanded
};

// Walks as if everything matched, but keeps matching nodes only.
bool walk_wide(const Segment& segment, const Anchor& anchor, size_t wanted, const Mask& mask, uint64_t budget,
               Scratch& scratch) {
    std::vector<Candidate>& pool = scratch.pool;
    std::vector<Candidate>& frontier = scratch.frontier;
    scratch.start(segment.rows());
    pool.reserve(wanted + 1);
    const auto take = [&](const uint32_t* nodes, uint32_t count) {
        measure_new(segment, anchor, nodes, count, scratch);
        for (size_t i = 0; i < scratch.fresh.size(); ++i) {
            const Candidate candidate{scratch.distances[i], scratch.fresh[i]};
            if (pool.size() >= wanted && !nearer(candidate, pool.back())) continue;
            frontier.push_back(candidate);
            std::push_heap(frontier.begin(), frontier.end(), farther);
            segment.prefetch_links(candidate.node);
            if (mask.has(candidate.node)) insert(pool, candidate, wanted);
        }
    };
    const uint32_t entry = segment.entry(anchor, scratch.measured);
    take(&entry, 1);
    while (!frontier.empty()) {
        const Candidate current = frontier.front();
        if (pool.size() >= wanted && nearer(pool.back(), current)) break;
        std::pop_heap(frontier.begin(), frontier.end(), farther);
        frontier.pop_back();
        const Links links = segment.links(current.node, scratch.links);
        take(links.begin, links.count);
        if (scratch.measured > budget) return false;
    }
    return true;
}

}  // namespace

bool walk_masked(const Segment& segment, const Anchor& anchor, uint32_t ef, const Mask& mask,
                 uint32_t matches, Scratch& scratch) {
    const bool is_wide = matches >= WIDE_SHARE * segment.rows();
    const size_t wanted = is_wide ? std::min(ef, matches) : masked_ef(ef, matches, segment.rows());
    const uint64_t budget = scratch.measured + std::max<uint64_t>(matches, 2 * wanted);
    bool complete;
    if (is_wide) {
        complete = walk_wide(segment, anchor, wanted, mask, budget, scratch);
    } else {
        MaskedWalk walk(segment, anchor, mask, wanted, scratch);
        walk.begin();
        complete = walk.run(budget);
        for (Candidate& candidate : scratch.pool) candidate.node &= ~EXPANDED;
    }
    return complete && scratch.pool.size() >= std::min(ef, matches);
}

}  // namespace asteroid
