#include "sq8.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels.hpp"

namespace asteroid {
namespace {

constexpr double LARGEST = std::numeric_limits<float>::max();

float to_finite(double value) { return float(std::clamp(value, -LARGEST, LARGEST)); }

// A total order needs numbers: what overflowed is farthest away.
float ordered(float rank) { return rank == rank ? rank : std::numeric_limits<float>::max(); }

double squared_norm(const uint8_t* record, size_t dim) {
    const RecordHeader& h = header_of(record);
    const uint8_t* c = codes_of(record);
    const double sum_of_squares = kernels().dot_u8(c, h.sum, c, dim);
    const double o = h.offset, s = h.scale;
    return std::max(0.0, double(dim) * o * o + 2 * o * s * h.sum + s * s * sum_of_squares);
}

float aux_of(const uint8_t* record, size_t dim, Metric metric) {
    if (metric == Metric::ip) return 0;
    const double squared = squared_norm(record, dim);
    if (metric == Metric::l2) return to_finite(squared);
    return squared > 0 ? to_finite(1 / std::sqrt(squared)) : 0;
}

}  // namespace

void encode(const float* vector, size_t dim, Metric metric, uint8_t* record) {
    float low = vector[0], high = vector[0];
    for (size_t i = 1; i < dim; ++i) {
        low = std::min(low, vector[i]);
        high = std::max(high, vector[i]);
    }
    const double scale = (double(high) - double(low)) / 255;
    const float stored_scale = float(scale);
    const double inverse = stored_scale > 0 ? 1 / double(stored_scale) : 0;
    uint8_t* codes = record + sizeof(RecordHeader);
    uint32_t sum = 0;
    for (size_t i = 0; i < dim; ++i) {
        const int code = std::min(255, int((double(vector[i]) - low) * inverse + 0.5));
        codes[i] = uint8_t(code);
        sum += uint32_t(code);
    }
    std::memset(codes + dim, 0, record_bytes(dim) - sizeof(RecordHeader) - dim);
    RecordHeader header{low, stored_scale, sum, 0};
    std::memcpy(record, &header, sizeof header);
    header.aux = aux_of(record, dim, metric);
    std::memcpy(record, &header, sizeof header);
}

void decode(const uint8_t* record, size_t dim, float* vector) {
    const RecordHeader& h = header_of(record);
    const uint8_t* c = codes_of(record);
    for (size_t i = 0; i < dim; ++i) vector[i] = h.offset + h.scale * float(c[i]);
}

float record_distance(const uint8_t* a, const uint8_t* b, size_t dim, Metric metric) {
    const RecordHeader &x = header_of(a), &y = header_of(b);
    const float products = float(kernels().dot_u8(codes_of(a), x.sum, codes_of(b), dim));
    const float dot = float(dim) * x.offset * y.offset + x.offset * y.scale * float(y.sum) +
                      y.offset * x.scale * float(x.sum) + x.scale * y.scale * products;
    switch (metric) {
        case Metric::l2: return ordered(std::max(0.0f, x.aux + y.aux - 2 * dot));
        case Metric::cosine: return ordered(1 - dot * x.aux * y.aux);
        default: return ordered(-dot);
    }
}

Query::Query(const float* vector, size_t dim, Metric metric, uint8_t* record_space)
    : vector_(vector), dim_(dim), metric_(metric), record_(record_space), sum_(0), norm_(0) {
    encode(vector, dim, metric, record_space);
    const RecordHeader& h = header_of(record_);
    by_offset_ = float(dim) * h.offset + h.scale * float(h.sum);
    by_scaled_sum_ = h.offset;
    by_scaled_dot_ = h.scale;
    for (size_t i = 0; i < dim; ++i) {
        sum_ += vector[i];
        norm_ += double(vector[i]) * vector[i];
    }
    norm_ = std::sqrt(norm_);
}

float Query::rank(const uint8_t* record) const {
    const RecordHeader& h = header_of(record);
    const RecordHeader& own = header_of(record_);
    const float products = float(kernels().dot_u8(codes_of(record_), own.sum, codes_of(record), dim_));
    const float dot =
        h.offset * by_offset_ + h.scale * (by_scaled_sum_ * float(h.sum) + by_scaled_dot_ * products);
    switch (metric_) {
        case Metric::l2: return ordered(h.aux - 2 * dot);
        case Metric::cosine: return ordered(-dot * h.aux);
        default: return ordered(-dot);
    }
}

float Query::distance(const uint8_t* record) const {
    const RecordHeader& h = header_of(record);
    const uint8_t* c = codes_of(record);
    if (metric_ == Metric::l2) {
        const double squared = kernels().squared_l2_f32(vector_, c, h.offset, h.scale, dim_);
        return to_finite(std::sqrt(squared));
    }
    const double dot = double(h.offset) * sum_ + double(h.scale) * kernels().dot_f32(vector_, c, dim_);
    if (metric_ == Metric::ip) return to_finite(dot == dot ? -dot : LARGEST);
    const double norms = norm_ * std::sqrt(squared_norm(record, dim_));
    if (!(norms > 0)) return 1;  // a zero vector is at distance 1 from everything
    return float(std::clamp(1 - dot / norms, 0.0, 2.0));
}

}  // namespace asteroid
