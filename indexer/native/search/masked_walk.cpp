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
        // One list, and behind it less than GATHERED nodes of whole lists and one list more.
        const size_t most = 2 * 2 * size_t(segment.links_max()) + GATHERED;
        scratch.fresh.resize(std::max(scratch.fresh.size(), most));
        scratch.records.resize(std::max(scratch.records.size(), most));
        scratch.distances.resize(std::max(scratch.distances.size(), most));
    }

    void begin() {
        const uint32_t entry = segment_.entry(anchor_, scratch_.measured);
        gather({&entry, 1});
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
            const Links links = segment_.links(current.node);
            current.node |= EXPANDED;
            gather(links);
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
        prefetch(record, record_bytes_);
        scratch_.fresh[fresh_] = node;
        scratch_.records[fresh_++] = record;
    }

    // The new matching nodes among these, and behind those that do not match.
    void gather(Links nodes) {
        const Mask mask = mask_;
        const uint32_t rows = rows_;
        scratch_.make_room(nodes.count);
        fresh_ = 0;
        bridges_.clear();
        size_t matching = 0;  // visited ones too
        for (uint32_t i = 0; i < nodes.count; ++i) {
            const uint32_t node = nodes[i];
            if (node >= rows) continue;
            if (mask.has(node)) {
                ++matching;
                if (scratch_.mark(node)) add(node);
            } else if (scratch_.mark(node)) {
                segment_.prefetch_links(node);
                bridges_.push_back(node);
            }
        }
        for (const uint32_t bridge : bridges_) {
            if (matching >= GATHERED) break;
            const Links links = segment_.links(bridge);
            scratch_.make_room(links.count);
            for (uint32_t i = 0; i < links.count; ++i) {
                const uint32_t node = links[i];
                if (node >= rows || !mask.has(node)) continue;  // not visited: it may yet be a bridge
                ++matching;
                if (scratch_.mark(node)) add(node);
            }
        }
    }

    void measure() {
        anchor_.distances(scratch_.records.data(), fresh_, scratch_.distances.data());
        scratch_.measured += fresh_;
        for (size_t i = 0; i < fresh_; ++i) {
            const uint32_t node = scratch_.fresh[i];
            const size_t place = insert(scratch_.pool, {scratch_.distances[i], node}, wanted_);
            if (place == wanted_) continue;
            segment_.prefetch_links(node);
            next_ = std::min(next_, place);
        }
    }

    const Segment& segment_;
    const Anchor& anchor_;
    const Mask& mask_;
    const size_t wanted_;
    const uint32_t rows_ = segment_.rows();
    const size_t record_bytes_ = record_bytes(segment_.shape());
    Scratch& scratch_;
    std::vector<uint32_t>& bridges_ = scratch_.bridges;
    size_t fresh_ = 0;  // nodes gathered, to be measured
    size_t next_ = 0;   // no entry of the pool before it is unexpanded
};

// Walks as if everything matched, but keeps matching nodes only.
bool walk_wide(const Segment& segment, const Anchor& anchor, size_t wanted, const Mask& mask, uint64_t budget,
               Scratch& scratch) {
    std::vector<Candidate>& pool = scratch.pool;
    std::vector<Candidate>& frontier = scratch.frontier;
    scratch.start(segment.rows());
    pool.reserve(wanted + 1);
    const auto take = [&](Links nodes) {
        const Measured fresh = measure_new(segment, anchor, nodes, scratch);
        for (size_t i = 0; i < fresh.count; ++i) {
            const Candidate candidate{fresh.distances[i], fresh.nodes[i]};
            if (pool.size() >= wanted && !nearer(candidate, pool.back())) continue;
            frontier.push_back(candidate);
            std::push_heap(frontier.begin(), frontier.end(), farther);
            segment.prefetch_links(candidate.node);
            if (mask.has(candidate.node)) insert(pool, candidate, wanted);
        }
    };
    const uint32_t entry = segment.entry(anchor, scratch.measured);
    take({&entry, 1});
    while (!frontier.empty()) {
        const Candidate current = frontier.front();
        if (pool.size() >= wanted && nearer(pool.back(), current)) break;
        std::pop_heap(frontier.begin(), frontier.end(), farther);
        frontier.pop_back();
        const Links links = segment.links(current.node);
        take(links);
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
