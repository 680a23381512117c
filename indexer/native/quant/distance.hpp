// Distances between records, several at a time. What they are is one value of `Space`.
//
// Each is a sum of terms that vanish as two vectors come near each other: with δo and δs the differences of
// the offsets and scales, and c, d the codes of x and q,
//
//   |x̂ − q̂|² = δo·(dim·δo + 2·(δs·Σc + s_q·Σ(c−d))) + δs·(δs·Σc² + 2·s_q·Σc(c−d)) + s_q²·Σ(c−d)²
//
// where the sums over c and d are integers and exact. So a distance does not change when all data are shifted
// together, and near-duplicates are told apart. (|x|² + |q|² − 2xq, which is usual, cancels.)
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/sq8.hpp"

namespace asteroid {

struct Kernels;

// How two records are compared.
enum class Formula {
    l2,             // |x̂ − q̂|²
    l2_outliers,    // |x̂ − q̂|² of records that have outliers
    cosine,         // 1 − cos, as half of |x̂/|x̂| − q̂/|q̂||²; 1 when either is zero
    ip,             // −x̂·q̂
    ip_as_l2,       // |x̂ − q̂|² after a further dimension has made all vectors equally long
    l2_of_0_1,      // for records of version 0.1, which lack Σc²: |x̂|² + |q̂|² − 2x̂q̂
    cosine_of_0_1,  // likewise 1 − x̂q̂/(|x̂||q̂|)
};

// From this cosine distance on, 1 − cos has digits enough, and is quicker to compute.
constexpr float COSINE_FAR = 0.1f;

struct Space {
    size_t dim;
    Formula formula;
    float longest = 0;    // of ip_as_l2: the largest |x̂|² of all rows
    size_t outliers = 0;  // of l2_outliers: how many a record has room for
};

// How queries are compared with rows; `is_of_0_1` when these are records of version 0.1.
Space search_space(const Shape& shape, bool is_of_0_1 = false);

// How rows are compared with rows when graphs are built. `longest` matters under ip only.
Space build_space(const Shape& shape, float longest);

// A record that others are measured from.
class Anchor {
  public:
    Anchor() = default;
    Anchor(const uint8_t* record, const Space& space);

    void distances(const uint8_t* const* records, size_t n, float* out) const;
    float distance(const uint8_t* record) const;

  private:
    template <Formula formula>
    void all(const uint8_t* const* records, size_t n, float* out) const;
    float corrected(float distance, const uint8_t* record) const;
    template <Formula formula>
    void four(const uint8_t* const* records, float* out) const;

    const Kernels* kernels_ = nullptr;
    const uint8_t* record_ = nullptr;
    Space space_{};
    float offset_ = 0, scale_ = 0;  // of unit length under cosine
    float dim_ = 0;
    int32_t sum_ = 0, squares_ = 0;
    Outliers outliers_{};
    bool has_outliers_ = false;
    float by_offset_ = 0,
          by_sum_ = 0;  // of an inner product: what a candidate's offset and Σc are multiplied by
    float aux_ = 0;     // 1/|q̂|, |q̂|², or the further dimension, by formula
    bool is_zero_ = false;
};

// The distance of two records, once.
float record_distance(const uint8_t* a, const uint8_t* b, const Space& space);

// The offset and scale of x̂/|x̂|; both 0 for a zero vector.
struct UnitForm {
    float offset, scale;
};
UnitForm unit_form(const RecordHeader& header, size_t dim);

}  // namespace asteroid
