// Several threads at once: searching while rows are appended, and building. ThreadSanitizer watches.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "parts/rows.hpp"
#include "search/search.hpp"
#include "support.hpp"

namespace asteroid {
namespace {

using testing::built;
using testing::counted;
using testing::encoded;
using testing::gaussians;
using testing::SegmentFile;

const Shape SHAPE{16, Metric::cosine, true};
constexpr uint32_t ROWS = 4000, BATCH = 50;

TEST(Concurrency, RowsAreSearchedWhileOthersAreAppended) {
    Rows rows(SHAPE, ROWS);
    const std::vector<float> vectors = gaussians(ROWS, SHAPE.dim);
    const std::vector<uint8_t> bytes = encoded(vectors, SHAPE);
    const std::vector<uint64_t> ids = counted(ROWS);
    std::atomic<uint32_t> published{0};  // as a snapshot is
    std::vector<std::thread> readers;
    std::atomic<uint64_t> searches{0};
    for (uint32_t reader = 0; reader < 3; ++reader)
        readers.emplace_back([&, reader] {
            for (uint32_t turn = 0; published < ROWS; ++turn) {
                const uint32_t visible = published;
                if (visible == 0) continue;
                const uint32_t row = (turn * 31 + reader) % visible;
                const std::vector<PartPlan> plans{{&rows, nullptr, visible, {}, visible, true}};
                const Answer answer = search(plans, &vectors[row * SHAPE.dim], {1, 1, false});
                ASSERT_EQ(answer.hits.size(), 1u);
                EXPECT_EQ(answer.hits[0].id, row);
                EXPECT_EQ(rows.find(row, visible), int64_t(row));
                ++searches;
            }
        });
    for (uint32_t first = 0; first < ROWS; first += BATCH) {
        rows.append(&ids[first], &bytes[first * row_bytes(SHAPE)], BATCH);
        published = first + BATCH;
        const uint64_t before = searches;
        while (first == 0 && searches == before) std::this_thread::yield();
    }
    for (std::thread& reader : readers) reader.join();
    EXPECT_GT(searches, 0u);
}

TEST(Concurrency, ManyThreadsBuildOneGraphAndSearchIt) {
    const std::vector<float> vectors = gaussians(ROWS, SHAPE.dim);
    const auto builder = built(vectors, SHAPE, 8, 4);
    const SegmentFile file(*builder);
    const Segment segment(file.file.path(), SHAPE, file.layout);
    const std::vector<PartPlan> plans{{&segment, &segment, ROWS, {}, ROWS, false}};
    const std::vector<Answer> answers = search_many(plans, vectors.data(), 400, {1, 64, false}, 4);
    uint32_t found = 0;
    for (uint32_t i = 0; i < 400; ++i) found += answers[i].hits[0].id == i;
    EXPECT_GE(found, 390u);
}

TEST(Concurrency, TheFirstFailureOfParallelWorkIsThrown) {
    std::atomic<uint32_t> done{0};
    EXPECT_THROW(in_parallel(1000, 1, 4,
                             [&](size_t first, size_t) {
                                 if (first == 500) throw std::runtime_error("planted");
                                 ++done;
                             }),
                 std::runtime_error);
    EXPECT_LT(done, 1000u);
}

}  // namespace
}  // namespace asteroid
