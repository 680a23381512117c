// SQ8: a vector as one byte a dimension plus 16 bytes, and distances between such records.
//
//   record := offset f32 | scale f32 | sum u32 | aux f32 | code u8 × dim | zero padding to 4 bytes
//   x̂[i]   := offset + scale · code[i]        the dequantised vector, which all distances speak of
//   sum    := Σ code[i]
//   aux    := 1/|x̂| for cosine (0 for a zero vector), |x̂|² for l2, 0 for ip
//
// With Σ code kept beside the codes, one integer dot product of two records gives the dot product
// of the two dequantised vectors (see SVS's locally-adaptive quantisation, arXiv 2402.02044).
#pragma once

#include <cstddef>
#include <cstdint>

namespace asteroid {

enum class Metric : int { l2 = 0, cosine = 1, ip = 2 };

struct RecordHeader {
    float offset;
    float scale;
    uint32_t sum;
    float aux;
};
static_assert(sizeof(RecordHeader) == 16);

constexpr size_t record_bytes(size_t dim) { return (sizeof(RecordHeader) + dim + 3) / 4 * 4; }

inline const RecordHeader& header_of(const uint8_t* record) {
    return *reinterpret_cast<const RecordHeader*>(record);
}
inline const uint8_t* codes_of(const uint8_t* record) { return record + sizeof(RecordHeader); }

// Quantises `dim` finite floats into `record`; the padding is zeroed.
void encode(const float* vector, size_t dim, Metric metric, uint8_t* record);

// The dequantised vector.
void decode(const uint8_t* record, size_t dim, float* vector);

// What graphs are built with: smaller is nearer, both sides quantised.
float record_distance(const uint8_t* a, const uint8_t* b, size_t dim, Metric metric);

// A query, prepared once: its float form for final distances, its record for the walk.
class Query {
  public:
    Query(const float* vector, size_t dim, Metric metric, uint8_t* record_space);

    // Orders candidates during a walk: smaller is nearer; not a distance (a constant is left out).
    float rank(const uint8_t* record) const;

    // The exact distance from the float query to the dequantised vector: l2, 1 − cos, or −dot.
    float distance(const uint8_t* record) const;

  private:
    const float* vector_;
    size_t dim_;
    Metric metric_;
    const uint8_t* record_;
    float by_offset_, by_scaled_sum_, by_scaled_dot_;  // what multiplies a candidate's three terms
    double sum_;                                       // Σ vector[i]
    double norm_;                                      // |vector|
};

}  // namespace asteroid
