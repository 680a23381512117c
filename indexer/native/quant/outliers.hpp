// Values of a vector that lie so far from the others that codes of all of them would be coarse: a year beside
// features in 0…1. Under l2 a few of them are kept apart, as floats; their codes are 0.
//
//   outliers := value f32 × most | column u16 × most | zero padding to 4 bytes     NO_COLUMN ends the list
//
// With x̂ and q̂ what the codes say, and x and q with the outliers of either in their places,
//
//   |x − q|² = |x̂ − q̂|² + Σ (xᵢ − qᵢ)² − (x̂ᵢ − q̂ᵢ)²    over the columns of outliers of either
//
// and nothing large is subtracted from anything large: x̂ᵢ and q̂ᵢ are values like the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/load.hpp"

namespace asteroid {

constexpr size_t OUTLIERS_MAX = 8;
constexpr uint16_t NO_COLUMN = 0xffff;

constexpr size_t outlier_bytes(size_t most) {
    return (most * (sizeof(float) + sizeof(uint16_t)) + 3) / 4 * 4;
}

// The outliers of a record. A damaged file may say anything: a column beyond the vector ends the list.
struct Outliers {
    const uint8_t* bytes = nullptr;
    uint32_t most = 0, dim = 0;

    uint32_t column(uint32_t i) const {
        return load<uint16_t>(bytes + most * sizeof(float) + i * sizeof(uint16_t));
    }
    float value(uint32_t i) const { return load<float>(bytes + i * sizeof(float)); }
    bool none() const { return most == 0 || column(0) >= dim; }
    uint32_t count() const {
        uint32_t n = 0;
        while (n < most && column(n) < dim) ++n;
        return n;
    }
    // The place of a column in the list, or `count`.
    uint32_t find(uint32_t wanted, uint32_t count) const {
        uint32_t i = 0;
        while (i < count && column(i) != wanted) ++i;
        return i;
    }
};

// What codes and outliers say of a vector.
struct Coded {
    float offset, scale;
    const uint8_t* codes;
    Outliers outliers;

    float value(uint32_t column) const { return offset + scale * float(codes[column]); }
};

// What the outliers of either add to |x̂ − q̂|².
float outlier_correction(const Coded& x, const Coded& q);

// The columns of the values that are to be kept apart, ascending; mostly none.
std::vector<uint16_t> choose_outliers(const float* vector, size_t dim, size_t most);

// Writes the list of these columns of `vector`.
void write_outliers(const float* vector, const std::vector<uint16_t>& columns, size_t most, uint8_t* bytes);

}  // namespace asteroid
