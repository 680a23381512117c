#include "postings/index.hpp"

#include <algorithm>

namespace asteroid {
namespace {

constexpr size_t TAIL_RUN_BYTES_MAX = 64 << 20;  // a run's positions are numbered by 32 bits

}  // namespace

FieldTotals TextIndex::totals(size_t field, const Visible& visible) const {
    FieldTotals found;
    for (const Run* const run : runs()) {
        const Lengths lengths = run->lengths(field);
        const uint32_t first = run->first();
        const uint32_t rows = first < visible.rows ? std::min(run->rows(), visible.rows - first) : 0;
        for (uint32_t row = 0; row < rows; ++row) {
            const uint32_t length = visible.alive.has(first + row) ? lengths.of(row) : 0;
            found.rows += length > 0;
            found.words += length;
        }
    }
    return found;
}

uint64_t TextIndex::rows_with(std::string_view term, const Visible& visible) const {
    uint64_t found = 0;
    PostingList list;
    for (const Run* const run : runs()) {
        if (run->first() >= visible.rows || !run->find(term, list)) continue;
        if (!visible.alive.bits && run->first() + run->rows() <= visible.rows) {
            found += list.count;
            continue;
        }
        const uint32_t rows = std::min(run->rows(), visible.rows - run->first());
        for (Cursor cursor(list); cursor.next() && cursor.row() < rows;)
            found += visible.alive.has(run->first() + cursor.row());
    }
    return found;
}

void TailTextIndex::extend(uint32_t first, const std::vector<std::string_view>& payloads) {
    const std::unique_lock held(lock_);
    for (uint32_t i = 0; i < payloads.size(); ++i) {
        const uint32_t rows = runs_.empty() ? 0 : runs_.back()->first() + runs_.back()->rows();
        if (first + i != rows) continue;
        if (runs_.empty() || runs_.back()->rows() == RUN_ROWS_MAX ||
            runs_.back()->bytes() > TAIL_RUN_BYTES_MAX) {
            runs_.push_back(std::make_unique<GrowingRun>(fields_, rows));
            listed_.push_back(runs_.back().get());
        }
        runs_.back()->add(payloads[i]);
    }
}

uint32_t TailTextIndex::rows() const {
    const std::shared_lock held(lock_);
    return runs_.empty() ? 0 : runs_.back()->first() + runs_.back()->rows();
}

size_t TailTextIndex::bytes() const {
    const std::shared_lock held(lock_);
    size_t bytes = 0;
    for (const auto& run : runs_) bytes += run->bytes();
    return bytes;
}

}  // namespace asteroid
