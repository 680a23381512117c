// Scans of one part: every matching row is measured.
#pragma once

#include <cstdint>
#include <cstring>

#include "quant/query.hpp"
#include "search/best.hpp"
#include "search/search.hpp"
#include "search/walk.hpp"

namespace asteroid {

// Calls visit(ordinal) for every row in the mask, ascending, a word of bits at a time.
template <class Visit>
void for_each_match(uint32_t rows, const Mask& mask, const Visit& visit) {
    if (!mask.bits) {
        for (uint32_t row = 0; row < rows; ++row) visit(row);
        return;
    }
    for (uint32_t base = 0; base < rows; base += 64) {
        uint64_t word = 0;
        const size_t bytes = std::min<size_t>(8, (size_t(rows) - base + 7) / 8);
        std::memcpy(&word, mask.bits + base / 8, bytes);
        for (; word; word &= word - 1) {
            const uint32_t row = base + uint32_t(__builtin_ctzll(word));
            if (row < rows) visit(row);
        }
    }
}

// Measures each matching row exactly.
void scan_exactly(const PartPlan& plan, uint32_t number, const Query& query, Best& best, Scratch& scratch);

// Comes to the same k rows by measuring first bytes, and exactly only what these leave open. Leaves the
// nearest rows by first bytes, at most `keep`, in scratch.pool, best first.
void scan(const PartPlan& plan, uint32_t number, const Query& query, uint32_t k, uint32_t keep, Best& best,
          Scratch& scratch);

}  // namespace asteroid
