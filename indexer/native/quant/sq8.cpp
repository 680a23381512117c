#include "quant/sq8.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/kernels.hpp"

namespace asteroid {
namespace {

constexpr int FINE_STEPS = 256, FINE_ZERO = 128;
constexpr float LARGEST = std::numeric_limits<float>::max();

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

uint32_t residual_level(const uint8_t* fine, size_t dim) {
    if (!fine) return 0;
    double squared = 0;
    for (size_t i = 0; i < dim; ++i) squared += double(int(fine[i]) - FINE_ZERO) * (int(fine[i]) - FINE_ZERO);
    const double largest = std::sqrt(double(dim)) * FINE_ZERO;
    return uint32_t(std::min(255.0, std::ceil(std::sqrt(squared) / largest * 255)));
}

template <class Number>
void decode_in(const uint8_t* record, const uint8_t* fine, const Shape& shape, float* vector) {
    const RecordHeader h = header_of(record);
    const uint8_t* c = codes_of(record);
    const Number offset = h.offset, scale = h.scale, step = scale / FINE_STEPS, largest = LARGEST;
    for (size_t i = 0; i < shape.dim; ++i) {
        Number value = offset + scale * Number(c[i]);
        if (fine) value += step * Number(int(fine[i]) - FINE_ZERO);
        vector[i] = float(std::clamp(value, -largest, largest));
    }
    const Outliers outliers = outliers_of(record, shape);
    for (uint32_t i = 0, n = outliers.count(); i < n; ++i) vector[outliers.column(i)] = outliers.value(i);
}

// Near zero floats have few digits: there a scale is rounded up, so that 255 steps of it reach.
float scale_of(double range) {
    const auto scale = float(range / 255);
    const bool is_short = scale < std::numeric_limits<float>::min() && 255 * double(scale) < range;
    return is_short ? std::nextafter(scale, 1.0f) : scale;
}

void encode_codes(const float* vector, size_t dim, uint8_t* record) {
    float low = vector[0], high = vector[0];
    for (size_t i = 1; i < dim; ++i) {
        low = std::min(low, vector[i]);
        high = std::max(high, vector[i]);
    }
    const float scale = scale_of(double(high) - double(low));
    const double inverse = scale > 0 ? 1 / double(scale) : 0;
    uint8_t* codes = record + sizeof(RecordHeader);
    uint32_t sum = 0, squares = 0;
    for (size_t i = 0; i < dim; ++i) {
        const int code = std::min(255, int((double(vector[i]) - low) * inverse + 0.5));
        codes[i] = uint8_t(code);
        sum += uint32_t(code);
        squares += uint32_t(code * code);
    }
    std::memset(codes + dim, 0, coded_bytes(dim) - sizeof(RecordHeader) - dim);
    const RecordHeader header{low, scale, sum, squares};
    std::memcpy(record, &header, sizeof header);
}

// Puts the least of the others in the place of each value that is kept apart: its code is 0 then.
std::vector<float> without(const std::vector<uint16_t>& columns, const float* vector, size_t dim) {
    std::vector<float> others(vector, vector + dim);
    float least = std::numeric_limits<float>::infinity();
    auto next = columns.begin();
    for (size_t i = 0; i < dim; ++i) {
        if (next != columns.end() && *next == i)
            ++next;
        else
            least = std::min(least, vector[i]);
    }
    for (const uint16_t column : columns) others[column] = least;
    return others;
}

// Makes the record; returns what its codes stand for, which is in `room` when values are kept apart.
const float* encode_into(const float* vector, const Shape& shape, uint8_t* record, std::vector<float>& room) {
    if (shape.outliers > 0) {
        const std::vector<uint16_t> columns = choose_outliers(vector, shape.dim, shape.outliers);
        write_outliers(vector, columns, shape.outliers, record + coded_bytes(shape.dim));
        if (!columns.empty()) {
            room = without(columns, vector, shape.dim);
            vector = room.data();
        }
    }
    encode_codes(vector, shape.dim, record);
    return vector;
}

}  // namespace

std::vector<float> encode_record(const float* vector, const Shape& shape, uint8_t* record) {
    std::vector<float> room;
    const float* coded = encode_into(vector, shape, record, room);
    return room.empty() ? std::vector<float>(coded, coded + shape.dim) : room;
}

void encode(const float* vector, const Shape& shape, uint8_t* row) {
    std::vector<float> room;
    vector = encode_into(vector, shape, row, room);
    if (!shape.has_fine) return;
    uint8_t* fine = row + record_bytes(shape);
    encode_fine(vector, row, shape.dim, fine);
    complete(row, fine, shape.dim);
}

void decode(const uint8_t* record, const uint8_t* fine, const Shape& shape, float* vector) {
    // The range of a vector may be larger than a float, and a fine step smaller.
    const float scale = header_of(record).scale;
    if (!(255 * scale <= LARGEST) || (scale > 0 && scale < SCALE_SMALL))
        decode_in<double>(record, fine, shape, vector);
    else
        decode_in<float>(record, fine, shape, vector);
}

void complete(uint8_t* record, const uint8_t* fine, size_t dim) {
    RecordHeader h = header_of(record);
    h.squares = kernels().dot_u8(codes_of(record), h.sum(), codes_of(record), dim);
    h.sum_and_residual = h.sum() | residual_level(fine, dim) << 24;
    std::memcpy(record, &h, sizeof h);
}

double squared_norm(const RecordHeader& h, size_t dim) {
    const double o = h.offset, s = h.scale;
    return std::max(0.0, double(dim) * o * o + 2 * o * s * h.sum() + s * s * h.squares);
}

}  // namespace asteroid
