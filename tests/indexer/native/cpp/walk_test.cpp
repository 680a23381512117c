// Walks: over graphs by hand, over built ones, and over links that lead nowhere.
#include "search/walk.hpp"

#include <gtest/gtest.h>

#include <set>

#include "support.hpp"

namespace asteroid {
namespace {

using testing::encoded;
using testing::gaussians;

// Points on a line at 0, 1, 2 …, with the links that a test gives them.
struct HandMade {
    Shape shape_{1, Metric::l2, false};
    std::vector<uint8_t> bytes;
    std::vector<std::vector<uint32_t>> lists;
    uint32_t claimed = 0;  // links that each node claims beyond those of its list

    explicit HandMade(uint32_t n) : lists(n) {
        std::vector<float> places(n);
        for (uint32_t i = 0; i < n; ++i) places[i] = float(i);
        bytes = encoded(places, shape_);
    }
    const Shape& shape() const { return shape_; }
    uint32_t rows() const { return uint32_t(lists.size()); }
    const uint8_t* record(uint32_t node) const { return &bytes[node * row_bytes(shape_)]; }
    Links links(uint32_t node) const { return {lists[node].data(), uint32_t(lists[node].size())}; }
    void prefetch_links(uint32_t) const {}
};

std::vector<uint32_t> found(const HandMade& graph, uint32_t from, uint32_t to, uint32_t ef) {
    Scratch scratch;
    scratch.start(graph.rows());
    const Anchor anchor(graph.record(to), search_space(graph.shape()));
    walk(graph, anchor, {&from, 1}, Reach{ef}, scratch);
    std::vector<uint32_t> nodes;
    for (const Candidate& candidate : scratch.pool) nodes.push_back(candidate.node);
    return nodes;
}

TEST(Walk, FollowsAChainToItsEnd) {
    HandMade graph(100);
    for (uint32_t i = 0; i + 1 < 100; ++i) graph.lists[i] = {i + 1};
    EXPECT_EQ(found(graph, 0, 99, 3), (std::vector<uint32_t>{99, 98, 97}));
}

TEST(Walk, IgnoresLinksToNoNode) {
    HandMade graph(50);
    for (uint32_t i = 0; i + 1 < 50; ++i) graph.lists[i] = {50, 0xffffffff, i + 1, 0x80000000, 1u << 20};
    EXPECT_EQ(found(graph, 0, 49, 2), (std::vector<uint32_t>{49, 48}));
}

TEST(Walk, MeasuresEachNodeOnce) {
    HandMade graph(30);
    for (uint32_t i = 0; i < 30; ++i)
        for (uint32_t j = 0; j < 30; ++j) graph.lists[i].push_back(j);
    Scratch scratch;
    for (int turn = 0; turn < 3; ++turn) {
        scratch.measured = 0;
        scratch.start(graph.rows());
        const uint32_t from = 7;
        walk(graph, Anchor(graph.record(0), search_space(graph.shape())), {&from, 1}, Reach{30}, scratch);
        EXPECT_EQ(scratch.measured, 30u);
        EXPECT_EQ(scratch.pool.size(), 30u);
    }
}

TEST(Walk, LargePoolsFindTheSame) {
    HandMade graph(3000);
    for (uint32_t i = 0; i < 3000; ++i) graph.lists[i] = {(i + 1) % 3000, (i + 7) % 3000};
    const std::vector<uint32_t> large = found(graph, 0, 1500, SORTED_POOL_MAX + 1);
    const std::set<uint32_t> nodes(large.begin(), large.end());
    EXPECT_EQ(nodes.size(), SORTED_POOL_MAX + 1);
    for (const uint32_t near : {1499u, 1500u, 1501u}) EXPECT_EQ(nodes.count(near), 1u);
}

TEST(CheckedLinks, AreCutAndCopied) {
    std::vector<uint8_t> list(list_bytes(4));
    const uint32_t words[] = {9, 1, 100, 0xffffffff, 3};
    std::memcpy(list.data(), words, sizeof words);
    const Links cut = links_at(list.data(), 4);
    EXPECT_EQ(cut.count, 4u);
    LinkBuffer buffer;
    const Links good = checked(cut, 100, buffer);
    EXPECT_EQ(std::vector<uint32_t>(good.begin, good.begin + good.count), (std::vector<uint32_t>{1, 3}));
}

}  // namespace
}  // namespace asteroid
