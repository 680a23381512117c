// Records: what they give back, and distances between them.
#include "quant/sq8.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/distance.hpp"
#include "support.hpp"

namespace asteroid {
namespace {

using testing::encoded;
using testing::gaussians;

std::vector<float> decoded(const std::vector<uint8_t>& row, const Shape& shape) {
    std::vector<float> vector(shape.dim);
    const uint8_t* fine = shape.has_fine ? row.data() + record_bytes(shape) : nullptr;
    decode(row.data(), fine, shape, vector.data());
    return vector;
}

double exact(const std::vector<float>& a, const std::vector<float>& b, Metric metric) {
    double dot = 0, squares = 0, of_a = 0, of_b = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        dot += double(a[i]) * b[i];
        squares += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
        of_a += double(a[i]) * a[i];
        of_b += double(b[i]) * b[i];
    }
    if (metric == Metric::l2) return squares;
    return metric == Metric::ip ? -dot : 1 - dot / std::sqrt(of_a * of_b);
}

// The residual of the largest code's upper half does not fit: there it is a whole fine step.
TEST(Sq8, GivesAVectorBackToHalfAStep) {
    for (const bool has_fine : {false, true})
        for (size_t dim = 1; dim < 70; ++dim) {
            const Shape shape{dim, Metric::l2, has_fine};
            const std::vector<float> vector = gaussians(1, dim, uint32_t(dim));
            const std::vector<uint8_t> row = encoded(vector, shape);
            const float step = header_of(row.data()).scale / (has_fine ? 128 : 1);
            const std::vector<float> back = decoded(row, shape);
            for (size_t i = 0; i < dim; ++i) ASSERT_NEAR(back[i], vector[i], 0.51f * step + 1e-6f);
        }
}

TEST(Sq8, KeepsSumsBesideTheCodes) {
    const Shape shape{37, Metric::cosine, true};
    const std::vector<uint8_t> row = encoded(gaussians(1, 37), shape);
    uint32_t sum = 0, squares = 0;
    for (size_t i = 0; i < 37; ++i) {
        const uint32_t code = codes_of(row.data())[i];
        sum += code;
        squares += code * code;
    }
    EXPECT_EQ(header_of(row.data()).sum(), sum);
    EXPECT_EQ(header_of(row.data()).squares, squares);
    for (size_t i = sizeof(RecordHeader) + 37; i < record_bytes(shape); ++i) EXPECT_EQ(row[i], 0);
}

TEST(Sq8, AConstantVectorIsExact) {
    const Shape shape{5, Metric::l2, true};
    EXPECT_EQ(decoded(encoded(std::vector<float>(5, 2.5f), shape), shape), std::vector<float>(5, 2.5f));
}

TEST(Sq8, ScalesNearZeroReachTheLargestValue) {
    const Shape shape{24, Metric::l2, true};
    for (const float size : {1e-36f, 1e-38f, 1e-40f, 1e-42f, 1e-44f}) {
        std::vector<float> vector = gaussians(1, 24);
        for (float& value : vector) value *= size;
        const std::vector<float> back = decoded(encoded(vector, shape), shape);
        for (size_t i = 0; i < 24; ++i)
            EXPECT_NEAR(back[i] / 1e-45, vector[i] / 1e-45, 2 + 1e-4 * size / 1e-45);
    }
}

class EachMetric : public ::testing::TestWithParam<Metric> {};

TEST_P(EachMetric, DistancesAreThoseOfTheDecodedVectors) {
    const Shape shape{48, GetParam(), false};
    const std::vector<float> vectors = gaussians(40, 48);
    const std::vector<uint8_t> rows = encoded(vectors, shape);
    const size_t stride = row_bytes(shape);
    const Space space = search_space(shape);
    for (size_t i = 0; i < 40; ++i)
        for (size_t j = 0; j < 40; ++j) {
            const std::vector<uint8_t> a(&rows[i * stride], &rows[i * stride] + stride);
            const std::vector<uint8_t> b(&rows[j * stride], &rows[j * stride] + stride);
            const double expected = exact(decoded(a, shape), decoded(b, shape), GetParam());
            const float got = record_distance(a.data(), b.data(), space);
            ASSERT_NEAR(got, expected, 1e-4 * (1 + std::abs(expected)));
            ASSERT_NEAR(got, record_distance(b.data(), a.data(), space), 1e-5 * (20 + std::abs(got)));
        }
}

TEST_P(EachMetric, ManyAtATimeAreAsOneByOne) {
    const Shape shape{33, GetParam(), false};
    const std::vector<uint8_t> rows = encoded(gaussians(10, 33), shape);
    const size_t stride = row_bytes(shape);
    const Anchor anchor(rows.data(), search_space(shape));
    for (size_t n = 1; n < 10; ++n) {
        std::vector<const uint8_t*> records(n);
        for (size_t i = 0; i < n; ++i) records[i] = &rows[(i + 1) * stride];
        std::vector<float> got(n);
        anchor.distances(records.data(), n, got.data());
        for (size_t i = 0; i < n; ++i) EXPECT_NEAR(got[i], anchor.distance(records[i]), 1e-5);
    }
}

TEST_P(EachMetric, ADamagedRecordStillHasADistance) {
    const Shape shape{20, GetParam(), true};
    std::vector<uint8_t> rows = encoded(gaussians(2, 20), shape);
    const std::vector<float> vector = gaussians(1, 20, 9);
    const Query query(vector.data(), shape);
    std::mt19937 random(3);
    uint8_t* const record = &rows[row_bytes(shape)];
    for (int turn = 0; turn < 2000; ++turn) {
        for (size_t i = 0; i < sizeof(RecordHeader); ++i) record[i] = uint8_t(random());
        const float first = Anchor(rows.data(), search_space(shape)).distance(record);
        ASSERT_EQ(first, first) << "not a number";
        query.rank(record, record + record_bytes(shape));
    }
}

INSTANTIATE_TEST_SUITE_P(Metrics, EachMetric, ::testing::Values(Metric::l2, Metric::cosine, Metric::ip));

}  // namespace
}  // namespace asteroid
