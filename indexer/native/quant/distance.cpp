#include "quant/distance.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "quant/kernels.hpp"

namespace asteroid {
namespace {

constexpr float FARTHEST = std::numeric_limits<float>::max();

using Four = float __attribute__((vector_size(4 * sizeof(float))));
using FourInts = int32_t __attribute__((vector_size(4 * sizeof(int32_t))));

#if defined(__clang__)
#define ASTEROID_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define ASTEROID_PICK(a, b, ...) __builtin_shuffle(a, b, FourInts{__VA_ARGS__})
#endif

// A total order needs numbers: what overflowed is farthest away. Under ip it may be nearest, and is looked at
// first.
constexpr float overflowed(Formula formula) { return formula == Formula::ip ? -FARTHEST : FARTHEST; }
float ordered(float distance, Formula formula = Formula::l2) {
    return distance == distance ? distance : overflowed(formula);
}

Four to_floats(const FourInts& ints) { return __builtin_convertvector(ints, Four); }

Four square_root(const Four& x) {
#if defined(__SSE__)
    return __builtin_ia32_sqrtps(x);
#else
    Four roots;
    for (size_t j = 0; j < 4; ++j) roots[j] = std::sqrt(x[j]);
    return roots;
#endif
}

Four at_least(const Four& x, float least) {
    const Four bound = Four{} + least;
    return x < bound ? bound : x;  // what is no number stays so
}

// The fields of four headers, side by side.
struct FourHeaders {
    Four offset, scale;
    FourInts sum, squares;

    explicit FourHeaders(const uint8_t* const* records) {
        Four row[4];
        for (size_t j = 0; j < 4; ++j) std::memcpy(&row[j], records[j], sizeof row[j]);
        const Four low01 = ASTEROID_PICK(row[0], row[1], 0, 4, 1, 5);
        const Four low23 = ASTEROID_PICK(row[2], row[3], 0, 4, 1, 5);
        const Four high01 = ASTEROID_PICK(row[0], row[1], 2, 6, 3, 7);
        const Four high23 = ASTEROID_PICK(row[2], row[3], 2, 6, 3, 7);
        offset = ASTEROID_PICK(low01, low23, 0, 1, 4, 5);
        scale = ASTEROID_PICK(low01, low23, 2, 3, 6, 7);
        const Four sums = ASTEROID_PICK(high01, high23, 0, 1, 4, 5);
        const Four tails = ASTEROID_PICK(high01, high23, 2, 3, 6, 7);
        std::memcpy(&sum, &sums, sizeof sum);
        sum &= int32_t(RecordHeader::SUM_MASK);
        std::memcpy(&squares, &tails, sizeof squares);
    }

    Four legacy_aux() const {
        Four aux;
        std::memcpy(&aux, &squares, sizeof aux);
        return aux;
    }
};

// Squares between these neither over- nor underflow on the way.
constexpr float SQUARED_MIN = 1e-30f, SQUARED_MAX = 1e30f;

// 1/|x̂|, and whether no square on the way over- or underflowed.
struct Inverse {
    Four value;
    bool is_usual;
};

Inverse inverse_length(const FourHeaders& h, float dim) {
    const Four squared = h.offset * (dim * h.offset + 2.0f * h.scale * to_floats(h.sum)) +
                         h.scale * h.scale * to_floats(h.squares);
    const FourInts usual = (squared > Four{} + SQUARED_MIN) & (squared < Four{} + SQUARED_MAX);
    return {1.0f / square_root(squared), (usual[0] & usual[1] & usual[2] & usual[3]) != 0};
}

// Gives offsets and scales of vectors of unit length; says which vectors are zero.
FourInts make_unit(FourHeaders& h, const Inverse& inverse, size_t dim) {
    FourInts is_zero{};
    if (inverse.is_usual) {
        h.offset *= inverse.value;
        h.scale *= inverse.value;
        return is_zero;
    }
    for (size_t j = 0; j < 4; ++j) {
        const UnitForm unit =
            unit_form({h.offset[j], h.scale[j], uint32_t(h.sum[j]), uint32_t(h.squares[j])}, dim);
        h.offset[j] = unit.offset;
        h.scale[j] = unit.scale;
        is_zero[j] = unit.offset == 0 && unit.scale == 0 ? -1 : 0;
    }
    return is_zero;
}

}  // namespace

Space search_space(const Shape& shape, bool is_of_0_1) {
    switch (shape.metric) {
        case Metric::l2:
            if (is_of_0_1) return {shape.dim, Formula::l2_of_0_1};
            if (shape.outliers > 0) return {shape.dim, Formula::l2_outliers, 0, shape.outliers};
            return {shape.dim, Formula::l2};
        case Metric::cosine:
            return {shape.dim, is_of_0_1 ? Formula::cosine_of_0_1 : Formula::cosine};
        default:
            return {shape.dim, Formula::ip};
    }
}

Space build_space(const Shape& shape, float longest) {
    if (shape.metric == Metric::ip) return {shape.dim, Formula::ip_as_l2, longest};
    return search_space(shape);
}

UnitForm unit_form(const RecordHeader& header, size_t dim) {
    if (!(header.scale > 0)) {
        const float flat = 1 / std::sqrt(float(dim));
        return {header.offset == 0 ? 0 : std::copysign(flat, header.offset), 0};
    }
    const double ratio = double(header.offset) / header.scale;
    const double squared = ratio * (ratio * double(dim) + 2.0 * header.sum()) + header.squares;
    const double inverse = 1 / std::sqrt(std::max(squared, double(std::numeric_limits<float>::min())));
    return {float(ratio * inverse), float(inverse)};
}

Anchor::Anchor(const uint8_t* record, const Space& space)
    : kernels_(&kernels()), record_(record), space_(space), dim_(float(space.dim)) {
    const RecordHeader h = header_of(record);
    offset_ = h.offset;
    scale_ = h.scale;
    sum_ = int32_t(h.sum());
    squares_ = int32_t(h.squares);
    by_offset_ = dim_ * h.offset + h.scale * float(h.sum());
    by_sum_ = h.offset;
    const double squared = squared_norm(h, space.dim);
    switch (space.formula) {
        case Formula::cosine: {
            const UnitForm unit = unit_form(h, space.dim);
            is_zero_ = unit.offset == 0 && unit.scale == 0;
            offset_ = unit.offset;
            scale_ = unit.scale;
            by_offset_ = dim_ * unit.offset + unit.scale * float(h.sum());
            by_sum_ = unit.offset;
            break;
        }
        case Formula::l2_outliers:
            outliers_ = outliers_of(record, space.dim, space.outliers);
            has_outliers_ = !outliers_.none();
            break;
        case Formula::ip_as_l2:
            aux_ = float(std::sqrt(std::max(0.0, space.longest - squared)));
            break;
        case Formula::l2_of_0_1:
            aux_ = float(std::min(squared, double(FARTHEST)));
            break;
        case Formula::cosine_of_0_1:
            aux_ = squared > 0 ? float(1 / std::sqrt(squared)) : 0;
            break;
        default:
            break;
    }
}

float Anchor::corrected(float distance, const uint8_t* record) const {
    const Outliers outliers = outliers_of(record, space_.dim, space_.outliers);
    if (!has_outliers_ && outliers.none()) return distance;
    const RecordHeader h = header_of(record);
    const Coded x{h.offset, h.scale, codes_of(record), outliers};
    const Coded q{offset_, scale_, codes_of(record_), outliers_};
    const float sum = distance + outlier_correction(x, q);
    return sum < 0 ? 0 : sum;  // what is no number stays so
}

float Anchor::distance(const uint8_t* record) const {
    const RecordHeader h = header_of(record);
    float offset = h.offset, scale = h.scale;
    if (space_.formula == Formula::cosine) {
        const UnitForm unit = unit_form(h, space_.dim);
        if (is_zero_ || (unit.offset == 0 && unit.scale == 0)) return 1;
        offset = unit.offset;
        scale = unit.scale;
    }
    const int32_t product =
        int32_t(kernels_->dot_u8(codes_of(record_), uint32_t(sum_), codes_of(record), space_.dim));
    const auto inner_product = [&] {
        return offset * by_offset_ + scale * (by_sum_ * float(h.sum()) + scale_ * float(product));
    };
    const auto squared_difference = [&] {
        const int32_t sum = int32_t(h.sum()), squares = int32_t(h.squares);
        const float by_offset = offset - offset_, by_scale = scale - scale_;
        const float linear = by_scale * float(sum) + scale_ * float(sum - sum_);
        const float squared = by_offset * (dim_ * by_offset + 2 * linear) +
                              by_scale * (by_scale * float(squares) + 2 * scale_ * float(squares - product)) +
                              scale_ * scale_ * float(squares + squares_ - 2 * product);
        return squared < 0 ? 0 : squared;
    };
    float legacy_aux;
    std::memcpy(&legacy_aux, &h.squares, sizeof legacy_aux);
    switch (space_.formula) {
        case Formula::l2:
            return ordered(squared_difference());
        case Formula::l2_outliers:
            return ordered(corrected(squared_difference(), record));
        case Formula::cosine:
            return ordered(0.5f * squared_difference());
        case Formula::ip_as_l2: {
            const double left = std::max(0.0, space_.longest - squared_norm(h, space_.dim));
            const float further = float(std::sqrt(left)) - aux_;
            return ordered(squared_difference() + further * further);
        }
        case Formula::l2_of_0_1:
            return ordered(std::max(0.0f, legacy_aux + aux_ - 2 * inner_product()));
        case Formula::cosine_of_0_1:
            return ordered(1 - inner_product() * legacy_aux * aux_);
        default:
            return ordered(-inner_product(), Formula::ip);
    }
}

// The four headers are turned into four columns, and the distances made side by side.
template <Formula formula>
inline void Anchor::four(const uint8_t* const* records, float* out) const {
    FourHeaders h(records);
    const uint8_t* const codes[4] = {codes_of(records[0]), codes_of(records[1]), codes_of(records[2]),
                                     codes_of(records[3])};
    uint32_t sums[4];
    FourInts products;
    std::memcpy(sums, &h.sum, sizeof sums);
    kernels_->dot_u8_x4(codes_of(record_), codes, sums, space_.dim, reinterpret_cast<uint32_t*>(&products));
    const auto inner_product = [&] {
        return h.offset * by_offset_ + h.scale * (by_sum_ * to_floats(h.sum) + scale_ * to_floats(products));
    };
    const auto squared_difference = [&] {
        const Four by_offset = h.offset - offset_, by_scale = h.scale - scale_;
        const Four differences = to_floats(h.sum - sum_);
        const Four own = to_floats(h.squares - products);
        const Four squared_differences = to_floats(h.squares + squares_ - 2 * products);
        const Four linear = by_scale * to_floats(h.sum) + scale_ * differences;
        const Four squared = by_offset * (dim_ * by_offset + 2.0f * linear) +
                             by_scale * (by_scale * to_floats(h.squares) + 2.0f * scale_ * own) +
                             scale_ * scale_ * squared_differences;
        return at_least(squared, 0.0f);
    };
    Four distance;
    if constexpr (formula == Formula::l2) {
        distance = squared_difference();
    } else if constexpr (formula == Formula::l2_outliers) {
        distance = squared_difference();
        for (size_t j = 0; j < 4; ++j) distance[j] = corrected(distance[j], records[j]);
    } else if constexpr (formula == Formula::cosine) {
        const Inverse inverse = inverse_length(h, dim_);
        distance = 1.0f - inner_product() * inverse.value;
        const FourInts is_far = distance > Four{} + COSINE_FAR;
        if (!inverse.is_usual || is_zero_ || (is_far[0] & is_far[1] & is_far[2] & is_far[3]) == 0) {
            const FourInts is_zero = make_unit(h, inverse, space_.dim);
            distance = 0.5f * squared_difference();
            distance = is_zero | (FourInts{} - int32_t(is_zero_)) ? Four{} + 1.0f : distance;
        }
    } else if constexpr (formula == Formula::ip_as_l2) {
        const Four sum = to_floats(h.sum), squares = to_floats(h.squares);
        const Four squared =
            h.offset * (dim_ * h.offset + 2.0f * h.scale * sum) + h.scale * h.scale * squares;
        const Four further = square_root(at_least(space_.longest - squared, 0.0f)) - aux_;
        distance = squared_difference() + further * further;
    } else if constexpr (formula == Formula::l2_of_0_1) {
        distance = at_least(h.legacy_aux() + aux_ - 2.0f * inner_product(), 0.0f);
    } else if constexpr (formula == Formula::cosine_of_0_1) {
        distance = 1.0f - inner_product() * (h.legacy_aux() * aux_);
    } else {
        distance = -inner_product();
    }
    distance = distance == distance ? distance : Four{} + overflowed(formula);
    std::memcpy(out, &distance, sizeof distance);
}

template <Formula formula>
void Anchor::all(const uint8_t* const* records, size_t n, float* out) const {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) four<formula>(records + i, out + i);
    if (i == n) return;
    const uint8_t* last[4];
    float distances[4];
    for (size_t j = 0; j < 4; ++j) last[j] = records[std::min(i + j, n - 1)];
    four<formula>(last, distances);
    std::copy_n(distances, n - i, out + i);
}

void Anchor::distances(const uint8_t* const* records, size_t n, float* out) const {
    switch (space_.formula) {
        case Formula::l2:
            return all<Formula::l2>(records, n, out);
        case Formula::l2_outliers:
            return all<Formula::l2_outliers>(records, n, out);
        case Formula::cosine:
            return all<Formula::cosine>(records, n, out);
        case Formula::ip:
            return all<Formula::ip>(records, n, out);
        case Formula::ip_as_l2:
            return all<Formula::ip_as_l2>(records, n, out);
        case Formula::l2_of_0_1:
            return all<Formula::l2_of_0_1>(records, n, out);
        default:
            return all<Formula::cosine_of_0_1>(records, n, out);
    }
}

float record_distance(const uint8_t* a, const uint8_t* b, const Space& space) {
    return Anchor(a, space).distance(b);
}

}  // namespace asteroid
