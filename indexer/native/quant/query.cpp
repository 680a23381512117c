#include "quant/query.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/kernels.hpp"

namespace asteroid {
namespace {

constexpr double LARGEST = std::numeric_limits<float>::max();
constexpr double SMALL = 1e-30, LARGE = 1e30;  // squares within are far from the ends of a float's range
// Values up to this have sums of squares and products far within a float, for every dimension.
constexpr float VALUE_LARGE = 1e16f;
// A distance by first bytes below this has not overflowed on the way if the query is within VALUE_LARGE.
constexpr double FIRST_LARGE = 1e33;
// What one value can lose to underflow: the least float times the square of the largest code, twice.
constexpr float UNDERFLOW_OF_VALUE = 2 * 1.4e-45f * 255 * 255;
// Below this cosine distance, 1 − dot/norms has lost too many digits.
constexpr float NEAR = 0.02f;

// What is rounded off is independent from dimension to dimension: its projection on any direction is within
// so many standard deviations. Where dimensions are few, the largest possible error is smaller, and counts.
constexpr float DEVIATIONS = 6;
// Rounding errors make vectors seem farther apart; the square of all of them together is within this factor.
constexpr float NOISE = 1.5f;
// A vector of unit length has at least one code 0 and one 255: its scale is at most 1/|(127.5, −127.5)|.
constexpr float UNIT_SCALE_MAX = 0.00555f, UNIT_VALUE_MAX = 3;
// What sums of floats are wrong by, relative to the largest value of a vector, and to the result.
constexpr float VALUE_ROUNDING = 2e-7f, RESULT_ROUNDING = 4e-6f;

// A total order needs numbers: what a damaged record makes of it is farthest away.
double to_number(double value) { return value == value ? value : LARGEST; }
float to_float(double value) { return float(std::clamp(value, -LARGEST, LARGEST)); }

// Nothing is known: the row has to be measured.
constexpr Query::Bounds OPEN{-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity()};

Query::Bounds checked(Query::Bounds bounds) {
    if (!(bounds.low == bounds.low)) bounds.low = OPEN.low;
    if (!(bounds.high == bounds.high)) bounds.high = OPEN.high;
    return bounds;
}

// The sum of value(i) for all i below n, as four sums side by side: one alone would wait for each addition.
template <class Value>
double sum_of(size_t n, const Value& value) {
    double sums[4] = {};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; ++j) sums[j] += value(i + j);
    for (; i < n; ++i) sums[0] += value(i);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

bool is_usual(double value) { return value > SMALL && value < LARGE; }

}  // namespace

Query::Query(const float* vector, const Shape& shape)
    : shape_(shape),
      vector_(vector, vector + shape.dim),
      record_(record_bytes(shape)),
      root_dim_(std::sqrt(float(shape.dim))) {
    const size_t dim = shape.dim;
    norm_ = std::sqrt(sum_of(dim, [vector](size_t i) { return double(vector[i]) * vector[i]; }));
    const std::vector<float> coded = encode_record(vector, shape, record_.data());
    anchor_ = Anchor(record_.data(), search_space(shape));
    anchor_of_0_1_ = Anchor(record_.data(), search_space(shape, true));
    const RecordHeader h = header_of(record_.data());
    const uint8_t* const codes = codes_of(record_.data());
    const double squared = sum_of(dim, [&](size_t i) {
        const double rest = coded[i] - (double(h.offset) + double(h.scale) * codes[i]);
        return rest * rest;
    });
    error_ = to_float(std::sqrt(squared));
    underflow_ = UNDERFLOW_OF_VALUE * float(dim);
    if (shape.metric != Metric::cosine)
        for (const float value : vector_) is_beyond_first_bytes_ |= std::abs(value) > VALUE_LARGE;
    if (shape.metric != Metric::cosine || !(norm_ > 0)) return;
    unit_.resize(dim);
    const double inverse = 1 / norm_;
    for (size_t i = 0; i < dim; ++i) unit_[i] = float(vector[i] * inverse);
    error_ = float(std::sqrt(squared) / norm_);
}

double Query::rank(const uint8_t* record, const uint8_t* fine) const {
    if (shape_.metric == Metric::cosine) return to_number(cosine(record, fine));
    const RecordHeader h = header_of(record);
    const Quantised x{codes_of(record), fine, h.offset, h.scale};
    const bool is_l2 = shape_.metric == Metric::l2;
    const bool is_short = h.scale > 0 && h.scale < SCALE_SMALL;
    if (is_short || !outliers_of(record, shape_).none()) return to_number(rank_in_doubles(record, fine));
    const float rank = is_l2 ? kernels().squared_l2_f32(vector_.data(), x, shape_.dim)
                             : -kernels().dot_norm_f32(vector_.data(), x, shape_.dim).dot;
    return is_usual(std::abs(rank)) ? rank : to_number(rank_in_doubles(record, fine));
}

double Query::cosine(const uint8_t* record, const uint8_t* fine) const {
    const RecordHeader h = header_of(record);
    const Quantised x{codes_of(record), fine, h.offset, h.scale};
    const DotAndNorm sums = kernels().dot_norm_f32(vector_.data(), x, shape_.dim);
    if (!is_usual(sums.squared_norm) || !is_usual(norm_ * norm_)) return rank_in_doubles(record, fine);
    const double length = std::sqrt(double(sums.squared_norm));
    const float distance = float(std::clamp(1 - double(sums.dot) / (norm_ * length), 0.0, 2.0));
    if (distance >= NEAR) return distance;
    // |q/|q| − x/|x||²/2: the same, without cancellation.
    const Quantised unit{x.codes, fine, float(h.offset / length), float(h.scale / length)};
    return kernels().squared_l2_f32(unit_.data(), unit, shape_.dim) / 2;
}

// Where squares or products leave the range of a float, or a row has outliers: the same from the whole row,
// in doubles.
double Query::rank_in_doubles(const uint8_t* record, const uint8_t* fine) const {
    thread_local std::vector<float> row;
    row.resize(shape_.dim);
    decode(record, fine, shape_, row.data());
    if (shape_.metric == Metric::cosine) return cosine_in_doubles(row);
    double squared = 0, dot = 0;
    for (size_t i = 0; i < shape_.dim; ++i) {
        const double difference = double(vector_[i]) - row[i];
        squared += difference * difference;
        dot += double(vector_[i]) * row[i];
    }
    return shape_.metric == Metric::l2 ? squared : -dot;
}

double Query::cosine_in_doubles(const std::vector<float>& row) const {
    if (!(norm_ > 0)) return 1;  // a zero vector is at distance 1 from everything
    double norm = 0, squared = 0;
    for (const float value : row) norm += double(value) * value;
    norm = std::sqrt(norm);
    if (!(norm > 0)) return 1;
    for (size_t i = 0; i < shape_.dim; ++i) {
        const double difference = double(vector_[i]) / norm_ - double(row[i]) / norm;
        squared += difference * difference;
    }
    return std::min(squared / 2, 2.0);
}

double Query::distance_of(double rank) const {
    const double distance = shape_.metric == Metric::l2 ? std::sqrt(rank) : rank, size = std::abs(distance);
    const bool fits = size <= LARGEST && (size >= double(std::numeric_limits<float>::min()) || size == 0);
    return fits ? double(float(distance)) : distance;
}

// |x̃ − x̂| of a row in the units of `scale`.
float Query::residual_of(const RecordHeader& header, float scale, bool is_of_0_1) const {
    if (!shape_.has_fine) return 0;
    return scale * root_dim_ * (is_of_0_1 ? 0.5f : (0.5f / 255) * float(header.residual()));
}

Query::Error Query::error_of(float residual, float value) const {
    const float rounding = VALUE_ROUNDING * value * root_dim_;
    return {std::sqrt(residual * residual + error_ * error_), residual + error_ + rounding, rounding};
}

float Query::ip_error(float first, float length, float residual, float value) const {
    const float norm = float(norm_), of_row = norm * residual / root_dim_,
                of_query = length * error_ / root_dim_;
    const float most = norm * residual + (length + residual) * error_;
    return std::min(DEVIATIONS * std::sqrt(of_row * of_row + of_query * of_query), most) +
           VALUE_ROUNDING * value * root_dim_ * norm + RESULT_ROUNDING * std::abs(first);
}

// What a far cosine distance is computed from beside itself: it is 1 − cos then, and rounded as 1 is.
float Query::ones(float first) const { return shape_.metric == Metric::cosine && first > COSINE_FAR ? 1 : 0; }

Query::Bounds Query::bounds(float first, const uint8_t* record, bool is_of_0_1) const {
    const RecordHeader h = header_of(record);
    if (shape_.metric != Metric::cosine && !(std::abs(first) < FIRST_LARGE))
        return OPEN;
    float scale = h.scale, value = std::abs(h.offset) + 255 * h.scale, unit = 1;
    if (shape_.metric == Metric::ip) {
        const auto length = float(std::sqrt(squared_norm(h, shape_.dim)));
        const float half = ip_error(first, length, residual_of(h, scale, is_of_0_1), value) + underflow_;
        return checked({first - half, first + half});
    }
    if (shape_.metric == Metric::cosine) {  // half the squared distance of the vectors of unit length
        const UnitForm form = unit_form(h, shape_.dim);
        scale = form.scale;
        value = std::abs(form.offset) + 255 * form.scale;
        unit = 0.5f;
    }
    const Error error = error_of(residual_of(h, scale, is_of_0_1), value);
    const float squared = first / unit, distance = std::sqrt(squared);
    const float likely = (2 * DEVIATIONS / root_dim_ * error.spread + 2 * error.rounding) * distance;
    const float noise = NOISE * error.spread * error.spread;
    const float slop = RESULT_ROUNDING * (squared + ones(first)) + underflow_;
    const float nearest = std::max(0.0f, distance - error.most), farthest = distance + error.most;
    const float low = std::max(nearest * nearest, squared - likely - noise) - slop;
    const float high = std::min(farthest * farthest, squared + likely + noise) + slop;
    return checked({low * unit, high * unit});
}

bool Query::Widest::take_in(const RecordHeader& header) {
    const float value_here = std::abs(header.offset) + 255 * header.scale;
    if (header.scale <= scale && value_here <= value) return false;
    scale = std::max(scale, header.scale);
    value = std::max(value, value_here);
    return true;
}

float Query::reject_beyond(double exact_limit, const Widest& widest) const {
    if (!(std::abs(exact_limit) < FIRST_LARGE)) return std::numeric_limits<float>::infinity();
    const float limit = float(exact_limit);
    const auto most = [this](float scale) { return shape_.has_fine ? scale * root_dim_ / 2 : 0; };
    if (shape_.metric == Metric::ip)
        return limit + underflow_ +
               ip_error(limit, widest.value * root_dim_, most(widest.scale), widest.value) *
                   (1 + 2 * RESULT_ROUNDING);
    const bool is_cosine = shape_.metric == Metric::cosine;
    const float unit = is_cosine ? 0.5f : 1;
    const Error error = is_cosine ? error_of(most(UNIT_SCALE_MAX), UNIT_VALUE_MAX)
                                  : error_of(most(widest.scale), widest.value);
    const float likely = 2 * DEVIATIONS / root_dim_ * error.spread + 2 * error.rounding;
    const float squared = std::max(limit, 0.0f) / unit + RESULT_ROUNDING * ones(limit);
    const float noise = NOISE * error.spread * error.spread;
    const float distance = std::min(std::sqrt(squared) + error.most, std::sqrt(squared + noise) + likely);
    return distance * distance * unit * (1 + 2 * RESULT_ROUNDING) + underflow_;
}

float Query::reject_beyond(double limit) const {
    const bool is_cosine = shape_.metric == Metric::cosine;
    return is_cosine ? reject_beyond(limit, {}) : std::numeric_limits<float>::infinity();
}

}  // namespace asteroid
