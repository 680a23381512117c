#include "quant/outliers.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace asteroid {
namespace {

// Values are kept apart when that makes the range of the others so many times smaller: three of eight bits.
constexpr double WORTHWHILE = 8;
// As few are kept apart as bring the range within this of the smallest that there is.
constexpr double ENOUGH = 2;

// The smallest and the largest values of a vector, in order.
struct Ends {
    float low[OUTLIERS_MAX + 1], high[OUTLIERS_MAX + 1];
    size_t size;

    Ends(const float* vector, size_t dim, size_t most) : size(most + 1) {
        std::fill_n(low, size, std::numeric_limits<float>::infinity());
        std::fill_n(high, size, -std::numeric_limits<float>::infinity());
        for (size_t i = 0; i < dim; ++i) {
            const float value = vector[i];
            if (value < low[most]) insert(low, value, [](float a, float b) { return a < b; });
            if (value > high[most]) insert(high, value, [](float a, float b) { return a > b; });
        }
    }

    // The least range of the values without n of them, of which `above` are the largest.
    double range_without(size_t n, size_t& above) const {
        double least = std::numeric_limits<double>::infinity();
        for (size_t i = 0; i <= n; ++i) {
            const double range = double(high[i]) - low[n - i];
            if (range < least) least = range, above = i;
        }
        return least;
    }

  private:
    template <class Before>
    void insert(float* ends, float value, const Before& before) {
        size_t i = size - 1;
        for (; i > 0 && before(value, ends[i - 1]); --i) ends[i] = ends[i - 1];
        ends[i] = value;
    }
};

}  // namespace

std::vector<uint16_t> choose_outliers(const float* vector, size_t dim, size_t most) {
    if (most == 0) return {};
    const Ends ends(vector, dim, most);
    double ranges[OUTLIERS_MAX + 1], least = std::numeric_limits<double>::infinity();
    size_t above[OUTLIERS_MAX + 1] = {};
    for (size_t n = 0; n <= most; ++n) {
        ranges[n] = ends.range_without(n, above[n]);
        if (ranges[n] > 0) least = std::min(least, ranges[n]);  // equal values are exact as they are
    }
    if (!(ranges[0] > WORTHWHILE * least)) return {};
    size_t n = 0;
    while (!(ranges[n] > 0 && ranges[n] <= ENOUGH * least)) ++n;
    std::vector<uint16_t> columns;
    size_t low_left = n - above[n], high_left = above[n];
    const float low = ends.low[low_left], high = ends.high[high_left];
    for (size_t i = 0; i < dim; ++i)
        if (vector[i] < low || vector[i] > high) columns.push_back(uint16_t(i));
    return columns;
}

void write_outliers(const float* vector, const std::vector<uint16_t>& columns, size_t most, uint8_t* bytes) {
    std::memset(bytes, 0, outlier_bytes(most));
    for (size_t i = 0; i < most; ++i) {
        const bool is_there = i < columns.size();
        store(bytes + most * sizeof(float) + i * sizeof(uint16_t), is_there ? columns[i] : NO_COLUMN);
        if (is_there) store(bytes + i * sizeof(float), vector[columns[i]]);
    }
}

float outlier_correction(const Coded& x, const Coded& q) {
    const uint32_t of_x = x.outliers.count(), of_q = q.outliers.count();
    float sum = 0;
    for (uint32_t i = 0; i < of_x; ++i) {
        const uint32_t column = x.outliers.column(i), place = q.outliers.find(column, of_q);
        const float said = q.value(column), there = place < of_q ? q.outliers.value(place) : said;
        const float by_value = x.outliers.value(i) - there, by_code = x.value(column) - said;
        sum += by_value * by_value - by_code * by_code;
    }
    for (uint32_t i = 0; i < of_q; ++i) {
        const uint32_t column = q.outliers.column(i);
        if (x.outliers.find(column, of_x) < of_x) continue;
        const float said = x.value(column);
        const float by_value = said - q.outliers.value(i), by_code = said - q.value(column);
        sum += by_value * by_value - by_code * by_code;
    }
    return sum;
}

}  // namespace asteroid
