// Rows in memory and mapped segments, also when memory runs out and when bytes change.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "parts/rows.hpp"
#include "search/search.hpp"
#include "support.hpp"

namespace {

// Allocations that may still succeed; negative: all do.
long allocations_left = -1;

void* allocated(std::size_t bytes) {
    if (allocations_left == 0) throw std::bad_alloc();
    if (allocations_left > 0) --allocations_left;
    if (void* memory = std::malloc(bytes ? bytes : 1)) return memory;
    throw std::bad_alloc();
}

}  // namespace

#define ASTEROID_NOINLINE __attribute__((noinline))

ASTEROID_NOINLINE void* operator new(std::size_t bytes) { return allocated(bytes); }
ASTEROID_NOINLINE void* operator new[](std::size_t bytes) { return allocated(bytes); }
ASTEROID_NOINLINE void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return std::malloc(bytes);
}
ASTEROID_NOINLINE void operator delete(void* memory) noexcept { std::free(memory); }
ASTEROID_NOINLINE void operator delete[](void* memory) noexcept { std::free(memory); }
ASTEROID_NOINLINE void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
ASTEROID_NOINLINE void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace asteroid {
namespace {

using testing::built;
using testing::encoded;
using testing::gaussians;
using testing::SegmentFile;

const Shape SHAPE{16, Metric::l2, true};
constexpr uint32_t ROWS = 1500;

TEST(Rows, AnAppendWithoutMemoryChangesNothing) {
    const std::vector<uint8_t> bytes = encoded(gaussians(1200, SHAPE.dim), SHAPE);
    // Old ids and new ones, some of them twice, over the border of a chunk.
    const std::vector<uint64_t> before{5, 6, 7};
    std::vector<uint64_t> after;
    for (uint64_t id = 0; id < 1100; ++id) after.push_back(id % 700);
    long successes = 0;
    for (long allowed = 0; successes == 0; allowed += 1 + allowed / 8) {
        Rows rows(SHAPE, 5000);
        rows.append(before.data(), bytes.data(), 3);
        allocations_left = allowed;
        try {
            rows.append(after.data(), bytes.data(), uint32_t(after.size()));
            ++successes;
        } catch (const std::bad_alloc&) {
        }
        allocations_left = -1;
        if (successes) break;
        ASSERT_EQ(rows.rows(), 3u);
        for (const uint64_t id : before) ASSERT_EQ(rows.find(id, 3), int64_t(id - 5));
        // What comes next takes the places of what did not come to be, under other ids.
        const std::vector<uint64_t> others{900, 6, 901};
        ASSERT_EQ(rows.append(others.data(), bytes.data(), 3), 3u);
        ASSERT_EQ(rows.find(0, 6), -1);
        ASSERT_EQ(rows.find(5, 6), 0);
        ASSERT_EQ(rows.find(6, 6), 4);
        ASSERT_EQ(rows.find(6, 4), 1);
        ASSERT_EQ(rows.find(901, 6), 5);
    }
}

TEST(Rows, BeyondTheCapacityNothingIsAppended) {
    Rows rows(SHAPE, 4);
    const std::vector<uint8_t> bytes = encoded(gaussians(5, SHAPE.dim), SHAPE);
    const std::vector<uint64_t> ids{1, 2, 3, 4, 5};
    EXPECT_THROW(rows.append(ids.data(), bytes.data(), 5), std::length_error);
    EXPECT_EQ(rows.rows(), 0u);
    EXPECT_EQ(rows.find(1, 5), -1);
}

class Mapped : public ::testing::Test {
  protected:
    std::unique_ptr<GraphBuilder> builder = built(gaussians(ROWS, SHAPE.dim), SHAPE);
    SegmentFile file{*builder};
};

TEST_F(Mapped, GivesBackWhatWasWritten) {
    const Segment segment(file.file.path(), SHAPE, file.layout);
    for (uint32_t i = 0; i < ROWS; ++i) {
        ASSERT_EQ(segment.id(i), builder->id_at(i));
        ASSERT_EQ(segment.find(builder->id_at(i)), int64_t(i));
        const uint8_t* const record = builder->record(builder->row_at[i]);
        ASSERT_EQ(std::memcmp(segment.record(i), record, record_bytes(SHAPE)), 0);
    }
    EXPECT_EQ(segment.find(ROWS), -1);
}

TEST_F(Mapped, ALayoutBeyondTheFileIsRefused) {
    const auto refused = [&](SegmentLayout layout) {
        EXPECT_THROW(Segment(file.file.path(), SHAPE, layout), std::invalid_argument);
    };
    const SegmentLayout good = file.layout;
    SegmentLayout bad = good;
    bad.rows = ROWS + 1000;
    refused(bad);
    bad = good, bad.rows = 0;
    refused(bad);
    bad = good, bad.links_max = LINKS_MAX_MAX + 1;
    refused(bad);
    bad = good, bad.ids = file.bytes.size();
    refused(bad);
    bad = good, bad.by_id = ~uint64_t{7};
    refused(bad);
    bad = good, bad.upper.clear();
    refused(bad);
    bad = good, bad.upper.back().count = TOP_NODES_MAX + 1;
    refused(bad);
}

TEST_F(Mapped, AnyBytesCanBeSearched) {
    const Segment segment(file.file.path(), SHAPE, file.layout);
    const std::vector<float> queries = gaussians(8, SHAPE.dim, 4);
    const std::vector<uint8_t> original = file.bytes;
    std::vector<uint8_t> third((ROWS + 7) / 8);
    uint32_t matches = 0;
    for (uint32_t i = 0; i < ROWS; i += 3, ++matches) third[i / 8] |= uint8_t(1 << i % 8);
    std::mt19937 random(6);
    for (int turn = 0; turn < 60; ++turn) {
        for (int flip = 0; flip < 400; ++flip)
            file.bytes[random() % file.bytes.size()] ^= uint8_t(1u << random() % 8);
        file.write();
        for (const bool is_masked : {false, true}) {
            const Mask mask{is_masked ? third.data() : nullptr};
            const uint32_t count = is_masked ? matches : ROWS;
            const std::vector<PartPlan> plans{{&segment, &segment, ROWS, mask, count, false}};
            for (const Answer& answer : search_many(plans, queries.data(), 8, {10, 40, false}, 1)) {
                ASSERT_EQ(answer.hits.size(), 10u);
                for (const Hit& hit : answer.hits) ASSERT_LT(hit.ordinal, ROWS);
            }
        }
        for (uint64_t id = 0; id < 20; ++id) try {
                ASSERT_LT(segment.find(id), int64_t(ROWS));
            } catch (const DamagedSegment&) {
            }
        if (turn % 10 == 9) file.bytes = original;
    }
}

}  // namespace
}  // namespace asteroid
