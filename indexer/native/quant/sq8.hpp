// SQ8: a vector as one byte a dimension plus 16 bytes, optionally with a second, finer byte a dimension,
// and distances between such records.
//
//   record := offset f32 | scale f32 | sum u32 | aux f32 | code u8 × dim | zero padding to 4 bytes
//   x̂[i]   := offset + scale · code[i]                what graphs are built and walked with
//   sum    := Σ code[i]
//   aux    := 1/|x̂| for cosine (0 for a zero vector), |x̂|² for l2, 0 for ip
//
//   fine   := u8 × dim                                the residual, kept apart from the record
//   x̃[i]   := x̂[i] + scale · (fine[i] − 128) / 256    what final distances and fetched vectors speak of
//
//   row    := record, then fine | zero padding to 4 bytes, if there are residuals
//
// With Σ code kept beside the codes, one integer dot product of two records gives the dot product
// of the two dequantised vectors (see SVS's locally-adaptive quantisation, arXiv 2402.02044, and its
// two-level form there).
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/load.hpp"

namespace asteroid {

struct Kernels;

enum class Metric : int { l2 = 0, cosine = 1, ip = 2 };

// Vectors have fewer numbers than this: sums over their codes stay within 31 bits.
constexpr size_t DIM_LIMIT = 32'768;

// What the vectors of an index are.
struct Shape {
    size_t dim;
    Metric metric;
    bool has_fine;  // residuals are kept
};

struct RecordHeader {
    float offset;
    float scale;
    uint32_t sum;
    float aux;
};
static_assert(sizeof(RecordHeader) == 16);

constexpr size_t record_bytes(size_t dim) { return (sizeof(RecordHeader) + dim + 3) / 4 * 4; }
constexpr size_t fine_bytes(size_t dim) { return (dim + 3) / 4 * 4; }
constexpr size_t row_bytes(const Shape& shape) {
    return record_bytes(shape.dim) + (shape.has_fine ? fine_bytes(shape.dim) : 0);
}

inline RecordHeader header_of(const uint8_t* record) { return load<RecordHeader>(record); }
inline const uint8_t* codes_of(const uint8_t* record) { return record + sizeof(RecordHeader); }

// Quantises shape.dim finite floats into `row`; the padding is zeroed.
void encode(const float* vector, const Shape& shape, uint8_t* row);

// The dequantised vector; `fine` may be null.
void decode(const uint8_t* record, const uint8_t* fine, size_t dim, float* vector);

// What hnswlib calls: smaller is nearer, both sides quantised, symmetric.
float record_distance(const uint8_t* a, const uint8_t* b, size_t dim, Metric metric);

// A record that others are measured from: distances as record_distance gives them, several at a time.
class Anchor {
  public:
    Anchor() = default;
    Anchor(const uint8_t* record, size_t dim, Metric metric);

    void distances(const uint8_t* const* records, size_t n, float* out) const;
    float distance(const uint8_t* record) const;

  private:
    void four(const uint8_t* const* records, float* out) const;

    const Kernels* kernels_ = nullptr;
    const uint8_t* record_ = nullptr;
    size_t dim_ = 0;
    Metric metric_ = Metric::l2;
    float by_offset_ = 0, by_scaled_sum_ = 0, by_scaled_dot_ = 0;  // what multiplies a candidate's terms
    float aux_ = 0;
};

// A query, prepared once: its record for the walk, its float form for final distances.
class Query {
  public:
    Query(const float* vector, size_t dim, Metric metric, uint8_t* record_space);

    // Orders candidates during a walk.
    const Anchor& anchor() const { return anchor_; }

    // The exact distance from the float query to the dequantised vector: l2, 1 − cos, or −dot.
    float distance(const uint8_t* record, const uint8_t* fine) const;

  private:
    float cosine_of_extremes(const uint8_t* record, const uint8_t* fine) const;

    const float* vector_;
    size_t dim_;
    Metric metric_;
    Anchor anchor_;
    double norm_;  // |vector|
};

}  // namespace asteroid
