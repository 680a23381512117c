#include "masked_walk.hpp"

namespace asteroid {
namespace {

bool farther(const Candidate& a, const Candidate& b) { return nearer(b, a); }

}  // namespace

bool walk_masked(const Segment& segment, const Anchor& anchor, uint32_t ef, const Mask& mask,
                 uint32_t matches, Scratch& scratch) {
    const size_t wanted = std::min(ef, matches);
    const uint64_t budget = scratch.measured + std::max<uint64_t>(matches, 2 * uint64_t(ef));
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
        const Links links = segment.links(current.node);
        take(links.begin, links.count);
        if (scratch.measured > budget) return false;
    }
    return pool.size() >= wanted;
}

}  // namespace asteroid
