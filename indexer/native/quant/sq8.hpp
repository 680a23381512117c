// SQ8: a vector as one byte a dimension plus 16 bytes, optionally with a second, finer byte a dimension.
//
//   record := offset f32 | scale f32 | sum u24 | residual u8 | squares u32 | code u8 × dim | 0 to 3 bytes
//             | outliers
//   x̂[i]   := offset + scale · code[i]                what graphs are built and walked with
//   sum    := Σ code[i],  squares := Σ code[i]²
//   residual := |x̃ − x̂| in 1/255 of the largest that it can be, scale · √dim / 2; rounded up
//
//   fine   := u8 × dim                                the residual, kept apart from the record
//   x̃[i]   := x̂[i] + scale · (fine[i] − 128) / 256    what final distances and fetched vectors speak of
//
//   row    := record, then fine | zero padding to 4 bytes, if there are residuals
//
// A record has room for some values that are kept apart as floats, see outliers.hpp, or for none. Records of
// version 0.1 have a float in the place of `squares` and no `residual`; see `complete`.
//
// With Σ code and Σ code² beside the codes, one integer dot product of two records gives the distance of the
// two dequantised vectors (see SVS's locally-adaptive quantisation, arXiv 2402.02044, and its two-level form
// there).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "quant/load.hpp"
#include "quant/outliers.hpp"

namespace asteroid {

enum class Metric : int { l2 = 0, cosine = 1, ip = 2 };

// Vectors have fewer numbers than this: sums over their codes stay within 31 bits.
constexpr size_t DIM_LIMIT = 32'768;

// Fine steps of a smaller scale lose digits in floats.
constexpr float SCALE_SMALL = 1e-30f;

// What the vectors of an index are.
struct Shape {
    size_t dim;
    Metric metric;
    bool has_fine;  // residuals are kept
    size_t outliers = 0;  // values that a row may keep apart, under l2
};

struct RecordHeader {
    float offset;
    float scale;
    uint32_t sum_and_residual;
    uint32_t squares;

    uint32_t sum() const { return sum_and_residual & SUM_MASK; }
    uint32_t residual() const { return sum_and_residual >> 24; }

    static constexpr uint32_t SUM_MASK = 0xffffff;
};
static_assert(sizeof(RecordHeader) == 16);

constexpr size_t coded_bytes(size_t dim) { return (sizeof(RecordHeader) + dim + 3) / 4 * 4; }
constexpr size_t record_bytes(const Shape& shape) {
    return coded_bytes(shape.dim) + outlier_bytes(shape.outliers);
}
constexpr size_t fine_bytes(size_t dim) { return (dim + 3) / 4 * 4; }
inline size_t row_bytes(const Shape& shape) {
    return record_bytes(shape) + (shape.has_fine ? fine_bytes(shape.dim) : 0);
}

inline RecordHeader header_of(const uint8_t* record) { return load<RecordHeader>(record); }
inline const uint8_t* codes_of(const uint8_t* record) { return record + sizeof(RecordHeader); }
inline Outliers outliers_of(const uint8_t* record, size_t dim, size_t most) {
    return {record + coded_bytes(dim), uint32_t(most), uint32_t(dim)};
}
inline Outliers outliers_of(const uint8_t* record, const Shape& shape) {
    return outliers_of(record, shape.dim, shape.outliers);
}

// Quantises shape.dim finite floats into `row`; the padding is zeroed.
void encode(const float* vector, const Shape& shape, uint8_t* row);

// Makes the record only, without the second bytes. Returns what its codes stand for: the vector, with values
// that are kept apart replaced.
std::vector<float> encode_record(const float* vector, const Shape& shape, uint8_t* record);

// The dequantised vector; `fine` may be null.
void decode(const uint8_t* record, const uint8_t* fine, const Shape& shape, float* vector);

// Gives a record of version 0.1 the fields that it lacks; any other stays as it is. `fine` may be null.
void complete(uint8_t* record, const uint8_t* fine, size_t dim);

// |x̂|², without outliers.
double squared_norm(const RecordHeader& header, size_t dim);

}  // namespace asteroid
