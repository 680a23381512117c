// Building graphs: neighbours, pruning, reachability, and taking a segment's graph over.
#include <gtest/gtest.h>

#include <cmath>

#include "build/copies.hpp"
#include "build/join.hpp"
#include "build/partition.hpp"
#include "build/prune.hpp"
#include "scratch/scratch_file.hpp"
#include "search/search.hpp"
#include "support.hpp"
#ifdef ASTEROID_HAS_HNSWLIB
#include "build/insertion.hpp"
#endif

namespace asteroid {
namespace {

using testing::built;
using testing::counted;
using testing::encoded;
using testing::gaussians;
using testing::SegmentFile;
using testing::wanted;

constexpr uint32_t ROWS = 2000;
const Shape SHAPE{16, Metric::l2, true};

std::unique_ptr<GraphBuilder> unlinked(uint32_t rows, const std::string& folder = "") {
    auto builder = std::make_unique<GraphBuilder>(SHAPE, rows, 8, folder);
    builder->append(counted(rows).data(), encoded(gaussians(rows, SHAPE.dim), SHAPE).data(), rows);
    return builder;
}

uint32_t reached(const GraphBuilder& builder) {
    std::vector<bool> met(builder.rows(), false);
    std::vector<uint32_t> order{builder.row_at.front()};
    met[order.front()] = true;
    for (size_t i = 0; i < order.size(); ++i) {
        const Links links = builder.links(order[i]);
        for (uint32_t j = 0; j < links.count; ++j) {
            if (met[links[j]]) continue;
            met[links[j]] = true;
            order.push_back(links[j]);
        }
    }
    return uint32_t(order.size());
}

// The share of the ten nearest rows that searches find.
double recall(const GraphBuilder& builder) {
    const SegmentFile file(builder);
    const Segment segment(file.file.path(), builder.shape(), file.layout);
    const std::vector<PartPlan> plans{{&segment, &segment, segment.rows(), {}, segment.rows(), false}};
    const std::vector<float> queries = gaussians(100, SHAPE.dim, 77);
    uint32_t same = 0;
    for (size_t i = 0; i < 100; ++i) {
        const float* query = &queries[i * SHAPE.dim];
        const Answer walked = search(plans, query, {10, 64, false});
        const Answer exact = search(plans, query, {10, 64, true});
        for (const Hit& hit : walked.hits)
            same += std::any_of(exact.hits.begin(), exact.hits.end(),
                                [&](const Hit& other) { return other.id == hit.id; });
    }
    return same / 1000.0;
}

TEST(Partition, SmallSetsAreComparedWhole) {
    const auto builder = unlinked(300);
    const Points points{builder.get(), 0, 300};
    Pools pools(300, 5);
    Progress progress = wanted();
    find_neighbours(points, 6, 1, pools, progress);
    for (uint32_t i = 0; i < 300; ++i) {
        const Anchor anchor(points.record(i), points.space());
        std::vector<float> all;
        for (uint32_t j = 0; j < 300; ++j)
            if (j != i) all.push_back(anchor.distance(points.record(j)));
        std::sort(all.begin(), all.end());
        ASSERT_EQ(pools.count(i), 5u);
        for (uint32_t j = 0; j < 5; ++j) EXPECT_NEAR(pools.begin(i)[j].distance, all[j], 1e-5 * all[j]);
    }
}

TEST(Pools, KeepTheNearestInOrder) {
    Pools pools(1, 3);
    for (const uint32_t place : {5u, 1u, 4u, 1u, 2u}) pools.offer(0, {float(place), place});
    ASSERT_EQ(pools.count(0), 3u);
    EXPECT_EQ(pools.begin(0)[0].node, 1u);
    EXPECT_EQ(pools.begin(0)[1].node, 2u);
    EXPECT_EQ(pools.begin(0)[2].node, 4u);
}

TEST(Prune, PrefersDifferentDirections) {
    // Three points to the right, close together, and a farther one to the left.
    const Shape shape{2, Metric::l2, false};
    const std::vector<float> places{0, 0, 1, 0, 1.1f, 0, 1.05f, 0.05f, -2, 0};
    const std::vector<uint8_t> rows = encoded(places, shape);
    const auto record = [&](uint32_t node) { return &rows[node * row_bytes(shape)]; };
    const Space space = search_space(shape);
    const Anchor anchor(record(0), space);
    std::vector<Candidate> candidates;
    for (uint32_t node = 1; node < 5; ++node) candidates.push_back({anchor.distance(record(node)), node});
    sort_unique(candidates);
    PruneScratch scratch;
    const size_t chosen = prune(candidates, 4, space, scratch, record);
    ASSERT_EQ(chosen, 2u);
    EXPECT_EQ(candidates[0].node, 1u);
    EXPECT_EQ(candidates[1].node, 4u);
}

TEST(Prune, CopiesAreDroppedByTheFirst) {
    const Shape shape{1, Metric::l2, false};
    const std::vector<uint8_t> rows = encoded({0, 3, 3, 3}, shape);
    const auto record = [&](uint32_t node) { return &rows[node * row_bytes(shape)]; };
    std::vector<Candidate> candidates{{9, 1}, {9, 2}, {9, 3}};
    PruneScratch scratch;
    EXPECT_EQ(prune(candidates, 3, search_space(shape), scratch, record), 1u);
}

TEST(LinkAll, FindsWhatIsNearAndReachesAll) {
    for (const uint32_t threads : {1u, 3u}) {
        const auto builder = built(gaussians(ROWS, SHAPE.dim), SHAPE, 8, threads);
        EXPECT_EQ(reached(*builder), ROWS);
        EXPECT_GE(recall(*builder), 0.95);
    }
}

// Rows around centres that are far apart; row i is near centre i % groups.
std::vector<float> grouped(uint32_t rows, uint32_t groups) {
    const std::vector<float> centres = gaussians(groups, SHAPE.dim, 8);
    std::vector<float> values = gaussians(rows, SHAPE.dim, 9);
    for (size_t i = 0; i < values.size(); ++i)
        values[i] = 0.01f * values[i] + centres[i % (size_t(groups) * SHAPE.dim)];
    return values;
}

TEST(LinkAll, LinksSmallGroupsToMoreThanTheNearestGroup) {
    constexpr uint32_t GROUPS = 100;
    const auto builder = built(grouped(3000, GROUPS), SHAPE, 16);
    std::vector<std::vector<bool>> met(GROUPS, std::vector<bool>(GROUPS, false));
    for (uint32_t row = 0; row < builder->rows(); ++row) {
        const Links links = builder->links(row);
        for (uint32_t i = 0; i < links.count; ++i) met[row % GROUPS][links[i] % GROUPS] = true;
    }
    double others = 0;
    for (const std::vector<bool>& groups : met) others += std::count(groups.begin(), groups.end(), true) - 1;
    EXPECT_GE(others / GROUPS, 5);  // without long links 2.8, with them 6.9
}

TEST(Finish, TheHighestLevelIsAsLargeAsItMayBe) {
    for (const uint32_t rows : {65u, 300u, 3000u})
        EXPECT_EQ(built(gaussians(rows, SHAPE.dim), SHAPE)->upper.back().count, TOP_NODES_MAX);
}

TEST(LinkAll, LinksAreWithinTheirLists) {
    const auto builder = built(gaussians(ROWS, SHAPE.dim), SHAPE);
    for (uint32_t row = 0; row < ROWS; ++row) {
        const Links links = builder->links(row);
        ASSERT_LE(links.count, builder->ground_links_max());
        for (uint32_t i = 0; i < links.count; ++i) ASSERT_LT(links[i], ROWS);
    }
}

#ifdef ASTEROID_HAS_HNSWLIB
TEST(Insertion, FindsWhatIsNearAndReachesAll) {
    for (const uint32_t threads : {1u, 3u}) {
        const auto builder = unlinked(ROWS);
        Progress progress = wanted();
        link_by_insertion(*builder, 60, threads, progress);
        finish(*builder, threads, progress);
        EXPECT_EQ(reached(*builder), ROWS);
        EXPECT_GE(recall(*builder), 0.95);
    }
}
#endif

TEST(Adopt, TakesEverySecondRowOverAndJoinsOthers) {
    const auto old = built(gaussians(ROWS, SHAPE.dim), SHAPE);
    const SegmentFile file(*old);
    const Segment segment(file.file.path(), SHAPE, file.layout);
    std::vector<uint32_t> ordinals;
    for (uint32_t i = 0; i < ROWS; i += 2) ordinals.push_back(i);
    GraphBuilder builder(SHAPE, ROWS, 8, "");
    Progress progress = wanted();
    adopt(builder, segment, ordinals, 2, progress);
    ASSERT_EQ(builder.rows(), ROWS / 2);
    const std::vector<uint8_t> others = encoded(gaussians(ROWS / 2, SHAPE.dim, 5), SHAPE);
    builder.append(counted(ROWS / 2).data(), others.data(), ROWS / 2);
    link_all(builder, ROWS / 2, 2, progress);
    join(builder, ROWS / 2, 2, progress);
    finish(builder, 2, progress);
    EXPECT_EQ(reached(builder), ROWS);
    EXPECT_GE(recall(builder), 0.9);
}

// The graph over 4 different vectors, 20 times each, of which half are joined to the other half.
std::unique_ptr<GraphBuilder> joined_copies() {
    constexpr uint32_t HALF = 40;
    auto builder = std::make_unique<GraphBuilder>(SHAPE, 2 * HALF, 8, "");
    const std::vector<float> different = gaussians(4, SHAPE.dim);
    std::vector<float> values;
    for (uint32_t times = 0; times < HALF / 4; ++times)
        values.insert(values.end(), different.begin(), different.end());
    const std::vector<uint8_t> rows = encoded(values, SHAPE);
    Progress progress = wanted();
    for (const uint32_t first : {0u, HALF}) {
        builder->append(counted(2 * HALF).data() + first, rows.data(), HALF);
        link_all(*builder, first, 1, progress);
    }
    join(*builder, HALF, 1, progress);
    return builder;
}

// Rows that are equal to row 0 and that links lead to, over equal rows only.
size_t equal_rows_reached(const GraphBuilder& builder) {
    std::vector<uint32_t> order{0};
    for (size_t next = 0; next < order.size(); ++next) {
        const Links links = builder.links(order[next]);
        for (uint32_t i = 0; i < links.count; ++i)
            if (links[i] % 4 == 0 && std::find(order.begin(), order.end(), links[i]) == order.end())
                order.push_back(links[i]);
    }
    return order.size();
}

TEST(Join, HangsAllCopiesOntoOne) {
    const auto builder = joined_copies();
    Progress progress = wanted();
    finish(*builder, 1, progress);
    EXPECT_EQ(equal_rows_reached(*builder), builder->rows() / 4);
}

TEST(Copies, AreLinkedOnce) {
    const auto builder = joined_copies();
    Progress progress = wanted();
    for (int times = 0; times < 2; ++times) hang_copies(*builder, progress);
    for (uint32_t row = 0; row < builder->rows(); ++row) {
        const Links links = builder->links(row);
        std::vector<uint32_t> sorted(links.begin, links.begin + links.count);
        std::sort(sorted.begin(), sorted.end());
        EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end());
    }
}

TEST(Work, IsCancelledWhenItIsWantedNoLonger) {
    const auto builder = unlinked(ROWS);
    Progress progress([] { return false; });
    EXPECT_THROW(link_all(*builder, 0, 2, progress), Cancelled);
}

TEST(GraphBuilder, WorksInAScratchFile) {
    const auto builder = unlinked(300, testing::TemporaryFile::folder());
    EXPECT_EQ(builder->rows(), 300u);
    EXPECT_THROW(GraphBuilder(SHAPE, 10, 8, "/no/such/folder"), std::system_error);
}

TEST(ScratchFile, HasNoNameWhereNamelessFilesAreUnknown) {
    const int fd = open_unlinked(testing::TemporaryFile::folder());
    ASSERT_GE(fd, 0);
    reserve(fd, 1 << 16, "");
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    char target[4096] = {};
    EXPECT_GT(readlink(link.c_str(), target, sizeof target - 1), 0);
    EXPECT_NE(std::string(target).find(SCRATCH_PREFIX), std::string::npos);
    EXPECT_NE(std::string(target).find("(deleted)"), std::string::npos);
    close(fd);
    EXPECT_THROW(open_unlinked("/no/such/folder"), std::system_error);
}

}  // namespace
}  // namespace asteroid
