// Values that are kept apart: which they are, and distances between rows that have some.
#include "quant/outliers.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/distance.hpp"
#include "support.hpp"

namespace asteroid {
namespace {

using testing::encoded;
using testing::gaussians;

constexpr size_t DIM = 24, MOST = 4;
const Shape SHAPE{DIM, Metric::l2, true, MOST};

std::vector<uint16_t> chosen(const std::vector<float>& vector) {
    return choose_outliers(vector.data(), vector.size(), MOST);
}

// Gaussian, with values far away in some columns, of a number and place that differ from row to row.
std::vector<float> rows_with_outliers(size_t rows) {
    std::vector<float> vectors = gaussians(rows, DIM);
    for (size_t i = 0; i < rows; ++i)
        for (size_t j = 0; j < i % (MOST + 1); ++j)
            vectors[i * DIM + (i + 5 * j) % DIM] = (j % 2 ? 2026.0f : -1e4f) + float(i % 3);
    return vectors;
}

std::vector<float> decoded(const uint8_t* row) {
    std::vector<float> vector(DIM);
    decode(row, row + record_bytes(SHAPE), SHAPE, vector.data());
    return vector;
}

TEST(Outliers, AreTheFewestThatMakeTheOthersFine) {
    std::vector<float> vector = gaussians(1, DIM);
    EXPECT_TRUE(chosen(vector).empty());
    vector[7] = 2026;
    EXPECT_EQ(chosen(vector), (std::vector<uint16_t>{7}));
    vector[3] = -5e6f;
    EXPECT_EQ(chosen(vector), (std::vector<uint16_t>{3, 7}));
    for (const size_t column : {9, 11}) vector[column] = 1e9f;
    EXPECT_EQ(chosen(vector), (std::vector<uint16_t>{3, 7, 9, 11}));
    vector[20] = 1e9f;  // one too many
    EXPECT_LE(chosen(vector).size(), MOST);
}

TEST(Outliers, ValuesThatAreEqualNeedNone) {
    std::vector<float> vector(DIM, 0);
    EXPECT_TRUE(chosen(vector).empty());
    vector[5] = 3;
    EXPECT_TRUE(chosen(vector).empty()) << "a 0 and a 255";
    EXPECT_TRUE(choose_outliers(vector.data(), DIM, 0).empty());
}

TEST(Outliers, AreGivenBackAndLeaveTheOthersFine) {
    std::vector<float> vector = gaussians(1, DIM);
    vector[0] = 1.7e9f;
    vector[23] = -3e38f;
    const std::vector<float> back = decoded(encoded(vector, SHAPE).data());
    for (size_t i = 0; i < DIM; ++i) EXPECT_NEAR(back[i] / vector[i], 1, 1e-2) << i;
    EXPECT_EQ(back[0], vector[0]);
    EXPECT_EQ(back[23], vector[23]);
}

TEST(Outliers, DistancesAreThoseOfTheRows) {
    const size_t rows = 60, stride = row_bytes(SHAPE);
    const std::vector<float> vectors = rows_with_outliers(rows);
    const std::vector<uint8_t> bytes = encoded(vectors, SHAPE);
    std::vector<const uint8_t*> records(rows);
    for (size_t i = 0; i < rows; ++i) records[i] = &bytes[i * stride];
    for (size_t i = 0; i < rows; ++i) {
        const Anchor anchor(records[i], search_space(SHAPE));
        const Query query(&vectors[i * DIM], SHAPE);
        std::vector<float> firsts(rows);
        anchor.distances(records.data(), rows, firsts.data());
        for (size_t j = 0; j < rows; ++j) {
            double squared = 0;
            for (size_t d = 0; d < DIM; ++d)
                squared += std::pow(double(vectors[i * DIM + d]) - vectors[j * DIM + d], 2);
            const double exact = query.rank(records[j], records[j] + record_bytes(SHAPE));
            const double distance = std::sqrt(squared);
            ASSERT_NEAR(std::sqrt(exact), distance, 1e-3 + 1e-6 * distance) << i << " " << j;
            ASSERT_NEAR(std::sqrt(firsts[j]), distance, 0.2 + 1e-5 * distance) << i << " " << j;
            ASSERT_NEAR(firsts[j], anchor.distance(records[j]), 1e-5 * (1 + firsts[j]));
            const Query::Bounds bounds = query.bounds(firsts[j], records[j], false);
            ASSERT_LE(bounds.low, exact * (1 + 1e-6));
            ASSERT_GE(bounds.high, exact * (1 - 1e-6));
        }
    }
}

TEST(Outliers, ADamagedListIsNeverReadBeyondTheRow) {
    std::vector<float> vector = gaussians(2, DIM);
    vector[3] = 2026;
    std::vector<uint8_t> bytes = encoded(vector, SHAPE);
    const Query query(vector.data(), SHAPE);
    std::mt19937 random(3);
    for (int turn = 0; turn < 2000; ++turn) {
        uint8_t* const list = bytes.data() + coded_bytes(DIM);
        for (size_t i = 0; i < outlier_bytes(MOST); ++i) list[i] = uint8_t(random());
        if (turn % 2) store(list + MOST * sizeof(float), uint16_t(turn % DIM));
        const float first = query.anchor(false).distance(bytes.data());
        ASSERT_EQ(first, first) << "not a number";
        query.rank(bytes.data(), bytes.data() + record_bytes(SHAPE));
    }
}

}  // namespace
}  // namespace asteroid
