// Each set of kernels gives what the portable one gives, at every length of the rest.
#include "quant/kernels.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>
#include <vector>

namespace asteroid {
namespace {

std::vector<size_t> lengths() {
    std::vector<size_t> all(300);
    std::iota(all.begin(), all.end(), size_t{0});
    for (const size_t n : {384, 511, 512, 513, 768, 1000, 1024, 4000}) all.push_back(n);
    return all;
}

std::vector<uint8_t> bytes(size_t n, uint32_t seed, bool is_full) {
    std::mt19937 random(seed);
    std::vector<uint8_t> values(n);
    for (uint8_t& value : values) value = is_full ? 255 : uint8_t(random());
    return values;
}

uint32_t sum(const std::vector<uint8_t>& values) {
    return std::accumulate(values.begin(), values.end(), 0u);
}

class EachSet : public ::testing::TestWithParam<size_t> {
  protected:
    const Kernels& tested = available_kernels()[GetParam()];
    const Kernels& reference = available_kernels().back();
};

TEST_P(EachSet, DotsAreThoseOfThePortableSet) {
    for (const bool is_full : {false, true})
        for (const size_t n : lengths()) {
            const std::vector<uint8_t> a = bytes(n, 1, is_full), b = bytes(n, 2, is_full);
            ASSERT_EQ(tested.dot_u8(a.data(), sum(a), b.data(), n),
                      reference.dot_u8(a.data(), sum(a), b.data(), n))
                << tested.name << " at " << n;
        }
}

TEST_P(EachSet, FourDotsAreThoseOfThePortableSet) {
    for (const bool is_full : {false, true})
        for (const size_t n : lengths()) {
            const std::vector<uint8_t> a = bytes(n, 1, is_full);
            std::vector<uint8_t> rows[4];
            const uint8_t* pointers[4];
            uint32_t sums[4], expected[4], got[4];
            for (uint32_t j = 0; j < 4; ++j) {
                rows[j] = bytes(n, 3 + j, is_full);
                pointers[j] = rows[j].data();
                sums[j] = sum(rows[j]);
            }
            reference.dot_u8_x4(a.data(), pointers, sums, n, expected);
            tested.dot_u8_x4(a.data(), pointers, sums, n, got);
            for (size_t j = 0; j < 4; ++j) ASSERT_EQ(got[j], expected[j]) << tested.name << " at " << n;
        }
}

TEST_P(EachSet, FloatSumsHaveTheSameBits) {
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    for (const size_t n : lengths()) {
        std::vector<float> q(n);
        for (float& value : q) value = normal(random);
        const std::vector<uint8_t> codes = bytes(n, 6, false), fine = bytes(n, 7, false);
        for (const uint8_t* second : {static_cast<const uint8_t*>(nullptr), fine.data()}) {
            const Quantised x{codes.data(), second, -1.5f, 0.0125f};
            const DotAndNorm got = tested.dot_norm_f32(q.data(), x, n);
            const DotAndNorm expected = reference.dot_norm_f32(q.data(), x, n);
            const float distance = tested.squared_l2_f32(q.data(), x, n);
            const float wanted = reference.squared_l2_f32(q.data(), x, n);
            ASSERT_EQ(std::memcmp(&got, &expected, sizeof got), 0) << tested.name << " at " << n;
            ASSERT_EQ(std::memcmp(&distance, &wanted, sizeof distance), 0) << tested.name << " at " << n;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Kernels, EachSet, ::testing::Range(size_t{0}, available_kernels().size()));

TEST(Kernels, AnUnknownSetIsRefused) { EXPECT_THROW(use_kernels("none such"), std::invalid_argument); }

}  // namespace
}  // namespace asteroid
