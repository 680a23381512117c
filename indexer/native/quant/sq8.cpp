#include "quant/sq8.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "quant/kernels.hpp"

namespace asteroid {
namespace {

constexpr double LARGEST = std::numeric_limits<float>::max();
constexpr float SMALL = 1e-15f, LARGE = 1e30f;  // squares within are far from the ends of a float's range
using Four = float __attribute__((vector_size(4 * sizeof(float))));
using FourInts = int32_t __attribute__((vector_size(4 * sizeof(int32_t))));

#if defined(__clang__)
#define ASTEROID_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define ASTEROID_PICK(a, b, ...) __builtin_shuffle(a, b, FourInts{__VA_ARGS__})
#endif

// The fields of four headers, side by side.
struct FourHeaders {
    Four offset, scale, sum, aux;

    explicit FourHeaders(const uint8_t* const* records) {
        Four row[4];
        for (size_t j = 0; j < 4; ++j) std::memcpy(&row[j], records[j], sizeof row[j]);
        const Four low01 = ASTEROID_PICK(row[0], row[1], 0, 4, 1, 5);
        const Four low23 = ASTEROID_PICK(row[2], row[3], 0, 4, 1, 5);
        const Four high01 = ASTEROID_PICK(row[0], row[1], 2, 6, 3, 7);
        const Four high23 = ASTEROID_PICK(row[2], row[3], 2, 6, 3, 7);
        offset = ASTEROID_PICK(low01, low23, 0, 1, 4, 5);
        scale = ASTEROID_PICK(low01, low23, 2, 3, 6, 7);
        const Four bits = ASTEROID_PICK(high01, high23, 0, 1, 4, 5);
        aux = ASTEROID_PICK(high01, high23, 2, 3, 6, 7);
        std::memcpy(&sums, &bits, sizeof bits);
        sum = __builtin_convertvector(sums, Four);
    }

    FourInts sums;  // as they are stored; a sum of codes fits in 31 bits
};

constexpr int FINE_STEPS = 256, FINE_ZERO = 128;

// A total order needs numbers: what overflowed, and what a damaged record makes of it, is farthest away.
float ordered(float rank) { return rank == rank ? rank : std::numeric_limits<float>::max(); }

float to_finite(double value) {
    return value == value ? float(std::clamp(value, -LARGEST, LARGEST)) : std::numeric_limits<float>::max();
}

double squared_norm(const uint8_t* record, size_t dim) {
    const RecordHeader h = header_of(record);
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

void encode_record(const float* vector, size_t dim, Metric metric, uint8_t* record) {
    float low = vector[0], high = vector[0];
    for (size_t i = 1; i < dim; ++i) {
        low = std::min(low, vector[i]);
        high = std::max(high, vector[i]);
    }
    const float scale = float((double(high) - double(low)) / 255);
    const double inverse = scale > 0 ? 1 / double(scale) : 0;
    uint8_t* codes = record + sizeof(RecordHeader);
    uint32_t sum = 0;
    for (size_t i = 0; i < dim; ++i) {
        const int code = std::min(255, int((double(vector[i]) - low) * inverse + 0.5));
        codes[i] = uint8_t(code);
        sum += uint32_t(code);
    }
    std::memset(codes + dim, 0, record_bytes(dim) - sizeof(RecordHeader) - dim);
    RecordHeader header{low, scale, sum, 0};
    store(record, header);
    header.aux = aux_of(record, dim, metric);
    store(record, header);
}

void encode_fine(const float* vector, const uint8_t* record, size_t dim, uint8_t* fine) {
    const RecordHeader h = header_of(record);
    const uint8_t* codes = codes_of(record);
    const double inverse = h.scale > 0 ? 1 / double(h.scale) : 0;
    for (size_t i = 0; i < dim; ++i) {
        const double rest = (double(vector[i]) - h.offset) * inverse - codes[i];  // in steps of the codes
        const int steps = int(std::floor(rest * FINE_STEPS + 0.5));
        fine[i] = uint8_t(std::clamp(steps + FINE_ZERO, 0, FINE_STEPS - 1));
    }
    std::memset(fine + dim, 0, fine_bytes(dim) - dim);
}

}  // namespace

void encode(const float* vector, const Shape& shape, uint8_t* row) {
    encode_record(vector, shape.dim, shape.metric, row);
    if (shape.has_fine) encode_fine(vector, row, shape.dim, row + record_bytes(shape.dim));
}

void decode(const uint8_t* record, const uint8_t* fine, size_t dim, float* vector) {
    const RecordHeader h = header_of(record);
    const uint8_t* c = codes_of(record);
    for (size_t i = 0; i < dim; ++i) vector[i] = h.offset + h.scale * float(c[i]);
    if (!fine) return;
    const float step = h.scale / FINE_STEPS;
    for (size_t i = 0; i < dim; ++i) vector[i] += step * float(int(fine[i]) - FINE_ZERO);
}

float record_distance(const uint8_t* a, const uint8_t* b, size_t dim, Metric metric) {
    const RecordHeader x = header_of(a), y = header_of(b);
    const float products = float(kernels().dot_u8(codes_of(a), x.sum, codes_of(b), dim));
    const float dot = float(dim) * x.offset * y.offset + x.offset * y.scale * float(y.sum) +
                      y.offset * x.scale * float(x.sum) + x.scale * y.scale * products;
    switch (metric) {
        case Metric::l2: return ordered(std::max(0.0f, x.aux + y.aux - 2 * dot));
        case Metric::cosine: return ordered(1 - dot * x.aux * y.aux);
        default: return ordered(-dot);
    }
}

Anchor::Anchor(const uint8_t* record, size_t dim, Metric metric)
    : kernels_(&kernels()), record_(record), dim_(dim), metric_(metric) {
    const RecordHeader h = header_of(record);
    by_offset_ = float(dim) * h.offset + h.scale * float(h.sum);
    by_scaled_sum_ = h.offset;
    by_scaled_dot_ = h.scale;
    aux_ = h.aux;
}

float Anchor::distance(const uint8_t* record) const {
    const uint8_t* const same[4] = {record, record, record, record};
    float distances[4];
    four(same, distances);
    return distances[0];
}

// The four headers are turned into four columns, and the distances made side by side.
void Anchor::four(const uint8_t* const* records, float* out) const {
    const FourHeaders h(records);
    const uint8_t* const codes[4] = {codes_of(records[0]), codes_of(records[1]), codes_of(records[2]),
                                     codes_of(records[3])};
    uint32_t sums[4];
    FourInts products;
    std::memcpy(sums, &h.sums, sizeof sums);
    kernels_->dot_u8_x4(codes_of(record_), codes, sums, dim_, reinterpret_cast<uint32_t*>(&products));
    const Four product = __builtin_convertvector(products, Four);
    const Four dot = h.offset * by_offset_ + h.scale * (by_scaled_sum_ * h.sum + by_scaled_dot_ * product);
    Four distance;
    switch (metric_) {
        case Metric::l2: distance = h.aux + aux_ - 2 * dot; break;
        case Metric::cosine: distance = 1 - dot * (h.aux * aux_); break;
        default: distance = -dot;
    }
    distance = distance == distance ? distance : Four{} + std::numeric_limits<float>::max();
    if (metric_ == Metric::l2) distance = distance > 0 ? distance : Four{};
    std::memcpy(out, &distance, sizeof distance);
}

void Anchor::distances(const uint8_t* const* records, size_t n, float* out) const {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) four(records + i, out + i);
    if (i == n) return;
    const uint8_t* last[4];
    float distances[4];
    for (size_t j = 0; j < 4; ++j) last[j] = records[std::min(i + j, n - 1)];
    four(last, distances);
    std::copy_n(distances, n - i, out + i);
}

Query::Query(const float* vector, size_t dim, Metric metric, uint8_t* record_space)
    : vector_(vector), dim_(dim), metric_(metric), norm_(0) {
    encode_record(vector, dim, metric, record_space);
    anchor_ = Anchor(record_space, dim, metric);
    for (size_t i = 0; i < dim; ++i) norm_ += double(vector[i]) * vector[i];
    norm_ = std::sqrt(norm_);
}

float Query::distance(const uint8_t* record, const uint8_t* fine) const {
    const RecordHeader h = header_of(record);
    const Quantised x{codes_of(record), fine, h.offset, h.scale};
    if (metric_ == Metric::l2) {
        const double squared = kernels().squared_l2_f32(vector_, x, dim_);
        return to_finite(std::sqrt(squared));
    }
    const DotAndNorm sums = kernels().dot_norm_f32(vector_, x, dim_);
    if (metric_ == Metric::ip) return to_finite(-double(sums.dot));
    const auto is_usual = [](double value) { return value > SMALL && value < LARGE; };
    if (!is_usual(sums.squared_norm) || !is_usual(norm_)) return cosine_of_extremes(record, fine);
    const double norms = norm_ * std::sqrt(double(sums.squared_norm));
    return float(std::clamp(1 - double(sums.dot) / norms, 0.0, 2.0));
}

// Where squares leave the range of a float: the same in double.
float Query::cosine_of_extremes(const uint8_t* record, const uint8_t* fine) const {
    std::vector<float> x(dim_);
    decode(record, fine, dim_, x.data());
    double dot = 0, squared = 0;
    for (size_t i = 0; i < dim_; ++i) {
        dot += double(vector_[i]) * x[i];
        squared += double(x[i]) * x[i];
    }
    const double norms = norm_ * std::sqrt(squared);
    if (norms == 0) return 1;  // a zero vector is at distance 1 from everything
    const double distance = 1 - dot / norms;
    return distance == distance ? float(std::clamp(distance, 0.0, 2.0)) : 2;
}

}  // namespace asteroid
