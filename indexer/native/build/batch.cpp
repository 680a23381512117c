#include "build/batch.hpp"

#include <algorithm>
#include <numeric>

#include "build/copies.hpp"
#include "build/long_links.hpp"
#include "build/partition.hpp"
#include "build/prune.hpp"

namespace asteroid {
namespace {

constexpr uint32_t POOL_SIZE = 48;  // candidates a point, and the ef of the refining walk
constexpr size_t BLOCK = 64;

// Cuts each pool down to diverse neighbours.
void prune_pools(const Points& points, Pools& pools, uint32_t most, uint32_t threads, Progress& progress) {
    in_parallel(points.count, BLOCK, threads, [&](size_t first, size_t last) {
        PruneScratch scratch;
        std::vector<Candidate> candidates;
        for (uint32_t point = uint32_t(first); point < last; ++point) {
            candidates.assign(pools.begin(point), pools.begin(point) + pools.count(point));
            const size_t chosen = prune(candidates, most, points.space(), scratch,
                                        [&](uint32_t other) { return points.record(other); });
            pools.assign(point, candidates, chosen);
        }
        progress.check();
    });
}

// Who points at whom: for each point the others that list it, in one flat array.
struct Reverse {
    std::vector<uint64_t> starts;  // 64 bits: 134 million points may have 2³² links
    std::vector<Candidate> from;

    Reverse(uint32_t points, Pools& pools, Progress& progress) : starts(size_t(points) + 1, 0) {
        CancelCheck check(progress);
        for (uint32_t point = 0; point < points; ++point) {
            for (uint32_t i = 0; i < pools.count(point); ++i) ++starts[pools.begin(point)[i].node];
            check.step();
        }
        std::partial_sum(starts.begin(), starts.end(), starts.begin());
        from.resize(starts.back());
        for (uint32_t point = points; point-- > 0;) {  // each group from its end, so that it ascends
            for (uint32_t i = pools.count(point); i-- > 0;) {
                const Candidate& to = pools.begin(point)[i];
                from[--starts[to.node]] = {to.distance, point};
            }
            check.step();
        }
    }
};

// Writes each pool and the links back to it, pruned again where they are too many.
void link_both_ways(const Points& points, Pools& pools, const LinkTable& table, uint32_t threads,
                    Progress& progress) {
    const Reverse reverse(points.count, pools, progress);
    in_parallel(points.count, BLOCK, threads, [&](size_t first, size_t last) {
        PruneScratch scratch;
        std::vector<Candidate> candidates;
        for (uint32_t point = uint32_t(first); point < last; ++point) {
            candidates.assign(pools.begin(point), pools.begin(point) + pools.count(point));
            candidates.insert(candidates.end(), reverse.from.begin() + ptrdiff_t(reverse.starts[point]),
                              reverse.from.begin() + ptrdiff_t(reverse.starts[point + 1]));
            sort_unique(candidates);
            size_t chosen = candidates.size();
            if (chosen > table.most)
                chosen = prune(candidates, table.most, points.space(), scratch,
                               [&](uint32_t other) { return points.record(other); });
            uint32_t* list = table.list(point);
            list[0] = uint32_t(chosen);
            for (size_t i = 0; i < chosen; ++i) list[1 + i] = candidates[i].node;
        }
        progress.check();
    });
}

// Adds the present links of `point`, however far, to candidates for new ones.
void add_links(const Points& points, const Links& links, const Anchor& anchor, Scratch& scratch,
               std::vector<Candidate>& candidates) {
    scratch.records.clear();
    for (uint32_t i = 0; i < links.count; ++i) scratch.records.push_back(points.record(links[i]));
    scratch.distances.resize(links.count);
    anchor.distances(scratch.records.data(), links.count, scratch.distances.data());
    for (uint32_t i = 0; i < links.count; ++i) candidates.push_back({scratch.distances[i], links[i]});
}

// Refills the pools with what a walk from each point's own links meets, and with these links.
void refine(const Points& points, const LinkTable& table, uint32_t threads, Pools& pools,
            Progress& progress) {
    const PointGraph graph{points, table};
    in_parallel(points.count, BLOCK, threads, [&](size_t first, size_t last) {
        thread_local Scratch scratch;
        std::vector<Candidate> candidates;
        for (uint32_t point = uint32_t(first); point < last; ++point) {
            const Links links = graph.links(point);
            const Anchor anchor(points.record(point), points.space());
            scratch.start(points.count);
            scratch.visit(point);
            walk(graph, anchor, links, Reach{POOL_SIZE}, scratch);
            candidates = scratch.pool;
            add_links(points, links, anchor, scratch, candidates);
            sort_unique(candidates);
            pools.assign(point, candidates, candidates.size());
        }
        progress.add(last - first);
    });
}

// Links points no two of which are equal, as near as their space says.
void link_in_space(const Points& points, const LinkTable& table, uint32_t threads, Progress& progress) {
    {
        Pools pools(points.count, POOL_SIZE);
        find_neighbours(points, PARTITION_ROUNDS, threads, pools, progress);
        prune_pools(points, pools, table.most, threads, progress);
        add_long_links(points, pools, table.most, threads, progress);
        link_both_ways(points, pools, table, threads, progress);
    }
    Pools pools(points.count, POOL_SIZE + table.most / 2);
    refine(points, table, threads, pools, progress);
    prune_pools(points, pools, table.most, threads, progress);
    link_both_ways(points, pools, table, threads, progress);
}

// Under ip half of the links lead to large inner products, where most queries end, and half to what is near
// once all vectors have been made equally long, which leads anywhere: also to short vectors.
void link_different(const Points& points, const LinkTable& table, uint32_t threads, Progress& progress) {
    if (points.shape().metric != Metric::ip) return link_in_space(points, table, threads, progress);
    const uint32_t half = table.most / 2;
    Points by_product = points;
    by_product.by_product = true;
    std::vector<uint32_t> products(size_t(points.count) * (1 + half));
    const LinkTable of_products{products.data(), 1 + size_t(half), half};
    link_in_space(by_product, of_products, threads, progress);
    const LinkTable of_distances{table.base, table.stride, table.most - half, table.chosen};
    link_in_space(points, of_distances, threads, progress);
    CancelCheck check(progress);
    for (uint32_t point = 0; point < points.count; ++point) {
        uint32_t *list = table.list(point), *more = of_products.list(point);
        for (uint32_t i = 1; i <= more[0]; ++i)
            if (std::find(list + 1, list + 1 + list[0], more[i]) == list + 1 + list[0])
                list[++list[0]] = more[i];
        check.step();
    }
}

}  // namespace

void link_all(const Points& points, const LinkTable& table, uint32_t threads, Progress& progress) {
    const Copies copies(points, progress);
    if (copies.none()) return link_different(points, table, threads, progress);
    const std::vector<uint32_t>& different = copies.different();
    std::vector<uint32_t> rows(different.size());
    for (size_t i = 0; i < rows.size(); ++i)
        rows[i] = points.row(different[i]);
    const LinkTable some{table.base, table.stride, table.most, different.data()};
    link_different(Points{points.builder, 0, uint32_t(rows.size()), rows.data()}, some, threads, progress);
    CancelCheck check(progress);
    for (const uint32_t point : different) {
        uint32_t* list = table.list(point);
        for (uint32_t i = 1; i <= list[0]; ++i) list[i] = different[list[i]];
        check.step();
    }
    copies.link(table, progress);
}

void link_all(GraphBuilder& builder, uint32_t first, uint32_t threads, Progress& progress) {
    const uint32_t count = builder.rows() - first;
    if (count == 0) return;
    const LinkTable table{builder.list(first), builder.stride() / sizeof(uint32_t),
                          builder.ground_links_max()};
    link_all(Points{&builder, first, count}, table, threads, progress);
    CancelCheck check(progress);
    for (uint32_t row = first; row < builder.rows(); ++row) {
        uint32_t* list = builder.list(row);
        for (uint32_t i = 1; i <= list[0]; ++i) list[i] += first;
        check.step();
    }
}

}  // namespace asteroid
