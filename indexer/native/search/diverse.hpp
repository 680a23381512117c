// Maximal marginal relevance: which of some candidates to answer, near and unlike each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/sq8.hpp"
#include "threads/allowance.hpp"

namespace asteroid {

struct Candidates {
    const float* vectors;  // n rows of dim numbers
    const double* scores;
    size_t n, dim;
};

// The places of at most `k` candidates in the order of choice. Each has the greatest weight·score −
// (1 − weight)·likeness of those left, where likeness is the greatest score of it and one chosen before; of
// equal ones the first. Spends `cost` for each number that is compared; throws Cancelled.
std::vector<uint32_t> most_diverse(const Candidates& candidates, size_t k, double weight, Metric metric,
                                   size_t cost, Allowance* allowance);

}  // namespace asteroid
