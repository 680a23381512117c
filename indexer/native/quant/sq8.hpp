// SQ8: a vector as one byte a dimension plus 16 bytes, optionally with a second, finer byte a dimension.
//
//   record := offset f32 | scale f32 | sum u24 | residual u8 | squares u32 | code u8 × dim | 0 to 4 bytes
//   x̂[i]   := offset + scale · code[i]                what graphs are built and walked with
//   sum    := Σ code[i],  squares := Σ code[i]²
//   residual := |x̃ − x̂| in 1/255 of the largest that it can be, scale · √dim / 2; rounded up
//
//   fine   := u8 × dim                                the residual, kept apart from the record
//   x̃[i]   := x̂[i] + scale · (fine[i] − 128) / 256    what final distances and fetched vectors speak of
//
//   row    := record, then fine | zero padding to 4 bytes, if there are residuals
//
// An index may have a centre: what is quantised then is the difference from it, so that a column that is far
// from zero does not take the precision of the others. Records of version 0.1 have a float in the place of
// `squares` and no `residual`; see `complete`.
//
// With Σ code and Σ code² beside the codes, one integer dot product of two records gives the distance of the
// two dequantised vectors (see SVS's locally-adaptive quantisation, arXiv 2402.02044, and its two-level form
// there).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "quant/load.hpp"

namespace asteroid {

enum class Metric : int { l2 = 0, cosine = 1, ip = 2 };

// Vectors have fewer numbers than this: sums over their codes stay within 31 bits.
constexpr size_t DIM_LIMIT = 32'768;

// What is subtracted from every vector before it is quantised; null: nothing.
using Centre = std::shared_ptr<const std::vector<float>>;

// What the vectors of an index are.
struct Shape {
    size_t dim;
    Metric metric;
    bool has_fine;  // residuals are kept
    Centre centre = nullptr;
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

constexpr size_t record_bytes(size_t dim) { return (sizeof(RecordHeader) + dim + 3) / 4 * 4; }
constexpr size_t fine_bytes(size_t dim) { return (dim + 3) / 4 * 4; }
inline size_t row_bytes(const Shape& shape) {
    return record_bytes(shape.dim) + (shape.has_fine ? fine_bytes(shape.dim) : 0);
}

inline RecordHeader header_of(const uint8_t* record) { return load<RecordHeader>(record); }
inline const uint8_t* codes_of(const uint8_t* record) { return record + sizeof(RecordHeader); }

// Quantises shape.dim finite floats into `row`; the padding is zeroed.
void encode(const float* vector, const Shape& shape, uint8_t* row);

// Quantises a vector from which the centre has been subtracted.
void encode_record(const float* vector, size_t dim, uint8_t* record);

// The dequantised vector; `fine` may be null.
void decode(const uint8_t* record, const uint8_t* fine, const Shape& shape, float* vector);

// Gives a record of version 0.1 the fields that it lacks; any other stays as it is. `fine` may be null.
void complete(uint8_t* record, const uint8_t* fine, size_t dim);

// |x̂|² in the space of the codes, that is without the centre.
double squared_norm(const RecordHeader& header, size_t dim);

}  // namespace asteroid
