#include "search/diverse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace asteroid {
namespace {

constexpr size_t LANES = 8;  // sums that do not wait for each other
constexpr size_t STEPS_A_REPORT = size_t{1} << 22;

// The sum of f(a, b) over two vectors, in double: the same for the same numbers wherever they lie.
template <class F>
double sum(const float* a, const float* b, size_t dim, F f) {
    double sums[LANES] = {};
    size_t i = 0;
    for (; i + LANES <= dim; i += LANES)
        for (size_t lane = 0; lane < LANES; ++lane) sums[lane] += f(double(a[i + lane]), double(b[i + lane]));
    for (size_t lane = 0; i < dim; ++i, ++lane) sums[lane] += f(double(a[i]), double(b[i]));
    double total = 0;
    for (const double each : sums) total += each;
    return total;
}

double product(const float* a, const float* b, size_t dim) {
    return sum(a, b, dim, [](double x, double y) { return x * y; });
}

double squared_distance(const float* a, const float* b, size_t dim) {
    return sum(a, b, dim, [](double x, double y) { return (x - y) * (x - y); });
}

// The score of two rows for each other; `lengths` are of the vectors, under cosine.
class Likeness {
  public:
    Likeness(const Candidates& candidates, Metric metric) : candidates_(candidates), metric_(metric) {
        if (metric != Metric::cosine) return;
        lengths_.resize(candidates.n);
        for (size_t i = 0; i < candidates.n; ++i)
            lengths_[i] = std::sqrt(product(row(i), row(i), candidates.dim));
    }

    double of(size_t i, size_t j) const {
        if (metric_ == Metric::l2)
            return 1 / (1 + std::sqrt(squared_distance(row(i), row(j), candidates_.dim)));
        const double found = product(row(i), row(j), candidates_.dim);
        if (metric_ == Metric::ip) return found;
        const double lengths = lengths_[i] * lengths_[j];
        return lengths > 0 ? found / lengths : 0;
    }

  private:
    const float* row(size_t i) const { return candidates_.vectors + i * candidates_.dim; }

    const Candidates& candidates_;
    const Metric metric_;
    std::vector<double> lengths_;
};

}  // namespace

std::vector<uint32_t> most_diverse(const Candidates& candidates, size_t k, double weight, Metric metric,
                                   size_t cost, Allowance* allowance) {
    const size_t n = candidates.n, each = std::max<size_t>(1, candidates.dim * cost);
    const Likeness likeness(candidates, metric);
    std::vector<double> greatest(n, -std::numeric_limits<double>::infinity());
    std::vector<uint8_t> is_chosen(n, 0);
    std::vector<uint32_t> chosen;
    size_t unreported = 0;
    for (k = std::min(k, n); chosen.size() < k;) {
        size_t best = n;
        double best_value = 0;
        for (size_t i = 0; i < n; ++i) {
            if (is_chosen[i]) continue;
            if (!chosen.empty()) {
                greatest[i] = std::max(greatest[i], likeness.of(i, chosen.back()));
                unreported += each;
                if (allowance && unreported >= STEPS_A_REPORT) {
                    allowance->spend(unreported);
                    unreported = 0;
                }
            }
            const double unlike = chosen.empty() ? 0 : (1 - weight) * greatest[i];
            const double value = weight * candidates.scores[i] - unlike;
            if (best == n || value > best_value) best = i, best_value = value;
        }
        is_chosen[best] = 1;
        chosen.push_back(uint32_t(best));
    }
    if (allowance) allowance->spend(unreported);
    return chosen;
}

}  // namespace asteroid
