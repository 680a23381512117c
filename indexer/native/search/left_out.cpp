#include "search/left_out.hpp"

#include <algorithm>
#include <limits>

namespace asteroid {
namespace {

constexpr size_t GROUP = 16;  // rows measured together

}  // namespace

double nearest_left_out(const PartPlan& plan, const Query& query, std::vector<uint32_t>& settled,
                        double limit, const Scratch& scratch) {
    std::sort(settled.begin(), settled.end());
    const Part& part = *plan.part;
    const bool is_of_0_1 = plan.segment->is_of_0_1();
    const Anchor& anchor = query.anchor(is_of_0_1);
    double nearest = std::numeric_limits<double>::infinity();
    uint32_t rows[GROUP];
    const uint8_t* records[GROUP];
    float firsts[GROUP];
    size_t count = 0;
    const auto measure = [&] {
        if (count == 0) return;
        anchor.distances(records, count, firsts);
        for (size_t i = 0; i < count; ++i)
            if (query.bounds(firsts[i], records[i], is_of_0_1).low < limit)
                nearest = std::min(nearest, query.rank(records[i], part.fine(rows[i])));
        count = 0;
    };
    for (size_t i = 0; i < scratch.seen_count; ++i) {
        const uint32_t node = scratch.seen[i];
        if (!plan.mask.has(node) || std::binary_search(settled.begin(), settled.end(), node)) continue;
        rows[count] = node;
        records[count++] = part.record(node);
        if (count == GROUP) measure();
    }
    measure();
    return nearest;
}

}  // namespace asteroid
