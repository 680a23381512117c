// k-nearest-neighbour search over the parts of one snapshot: a graph walk or a scan for each part. Both
// measure first bytes, and exactly only those rows that first bytes leave open.
#pragma once

#include <cstdint>
#include <vector>

#include "parts/part.hpp"
#include "parts/segment.hpp"
#include "search/best.hpp"
#include "threads/allowance.hpp"

namespace asteroid {

// One part as a snapshot sees it.
struct PartPlan {
    const Part* part;
    const Segment* segment;  // the part's graph, or null for a flat part
    uint32_t rows;           // rows visible to the snapshot
    Mask mask;               // which of them may be found
    uint32_t matches;        // how many of them that is
    bool scan;               // measure every match instead of walking the graph
};

// What a row measured on a walk costs, in rows measured by a scan: about 90 ns against 20 to 37, for a walk
// jumps about in memory.
constexpr uint32_t WALK_COST = 3;

struct SearchOptions {
    uint32_t k;
    uint32_t ef;  // candidates that a walk keeps, at least k
    bool exact;   // rank by the exact distance throughout, and never walk
    bool bounds;  // give the error bound too: rows that walks measured are measured again for it
    Allowance* allowance;  // is told of every component that is measured; may be null
};

struct Answer {
    std::vector<Hit> hits;   // ascending by (distance, id); exactly min(k, Σ matches) of them
    uint64_t visited = 0;    // records measured
    uint32_t rescanned = 0;  // parts that were scanned after a walk had found too few
    // How much nearer than the last hit the nearest row is that a walk measured by first bytes and left out;
    // 0 if none is, and after scans. Rows that no walk met are not covered.
    double error_bound = 0;
};

// Throws Cancelled when the allowance does.
Answer search(const std::vector<PartPlan>& parts, const float* query, const SearchOptions& options);

// Many queries over the same parts, shared out to `threads` threads.
std::vector<Answer> search_many(const std::vector<PartPlan>& parts, const float* queries, size_t n,
                                const SearchOptions& options, uint32_t threads);

}  // namespace asteroid
