#include "search/scan.hpp"

#include <algorithm>
#include <limits>

namespace asteroid {
namespace {

constexpr uint32_t GROUP = 16;     // rows measured together
constexpr size_t OPEN_MIN = 1024;  // open rows from which on those that are settled meanwhile are sorted out
constexpr size_t OPEN_MAX = 1 << 16;  // open rows that are kept before they are measured

// Ranks beyond a float leave everything open.
float as_float(double rank) {
    constexpr double largest = std::numeric_limits<float>::max();
    return rank < largest ? float(std::max(rank, -largest)) : std::numeric_limits<float>::infinity();
}

Hit hit_of(const PartPlan& plan, uint32_t number, uint32_t row, const Query& query) {
    const Part& part = *plan.part;
    return {0, number, row, part.id(row), query.rank(part.record(row), part.fine(row))};
}

// Rows that may be among the k nearest, as far as first bytes tell.
class Sieve {
  public:
    Sieve(const PartPlan& plan, uint32_t number, const Query& query, uint32_t k, Best& best)
        : plan_(plan),
          number_(number),
          query_(query),
          k_(k),
          best_(best),
          is_of_0_1_(plan.segment && plan.segment->is_of_0_1()),
          limit_(as_float(best.limit())) {}

    void offer(float first, uint32_t row) {
        if (first > reject_) return;
        const Query::Bounds bounds = query_.bounds(first, plan_.part->record(row), is_of_0_1_);
        if (bounds.low > limit_) return;
        open_.push_back({bounds.low, row});
        note_high(bounds.high);
        if (open_.size() >= sort_out_at_) sort_out();
    }

    // Nothing beyond this need be offered; it must hold for rows of any scale up to the largest offered.
    void set_reject(float reject) { reject_ = reject; }
    float limit() const { return limit_; }

    // Measures what is still open, the most promising first.
    void finish() {
        leave_out_settled();
        std::sort(open_.begin(), open_.end(), nearer);
        for (const Candidate& candidate : open_) {
            if (candidate.distance > best_.limit()) break;
            best_.offer(hit_of(plan_, number_, candidate.node, query_));
        }
        open_.clear();
    }

  private:
    // The k-th smallest upper bound is a limit to the k-th nearest.
    void note_high(float high) {
        if (highs_.size() < k_) {
            highs_.push_back(high);
            std::push_heap(highs_.begin(), highs_.end());
        } else if (high < highs_.front()) {
            std::pop_heap(highs_.begin(), highs_.end());
            highs_.back() = high;
            std::push_heap(highs_.begin(), highs_.end());
        }
        if (highs_.size() == k_) limit_ = std::min(limit_, highs_.front());
    }

    void leave_out_settled() {
        const auto is_settled = [this](const Candidate& c) { return c.distance > limit_; };
        open_.erase(std::remove_if(open_.begin(), open_.end(), is_settled), open_.end());
    }

    void sort_out() {
        leave_out_settled();
        if (open_.size() > OPEN_MAX) {
            finish();
            limit_ = std::min(limit_, as_float(best_.limit()));
        }
        sort_out_at_ = std::max(OPEN_MIN, 2 * open_.size());
    }

    const PartPlan& plan_;
    const uint32_t number_;
    const Query& query_;
    const uint32_t k_;
    Best& best_;
    const bool is_of_0_1_;
    float limit_;
    float reject_ = std::numeric_limits<float>::infinity();
    size_t sort_out_at_ = OPEN_MIN;
    std::vector<Candidate> open_;  // by lower bound
    std::vector<float> highs_;
};

// Keeps the nearest `most` in a heap, worst first.
void keep_nearest(std::vector<Candidate>& heap, const Candidate& candidate, size_t most) {
    if (heap.size() == most) {
        if (most == 0 || candidate.distance >= heap.front().distance) return;
        std::pop_heap(heap.begin(), heap.end(), nearer);
        heap.pop_back();
    }
    heap.push_back(candidate);
    std::push_heap(heap.begin(), heap.end(), nearer);
}

}  // namespace

void scan_exactly(const PartPlan& plan, uint32_t number, const Query& query, Best& best, Scratch& scratch) {
    for_each_match(plan.rows, plan.mask, [&](uint32_t row) {
        best.offer(hit_of(plan, number, row, query));
        ++scratch.measured;
        scratch.charge();
    });
}

void scan(const PartPlan& plan, uint32_t number, const Query& query, uint32_t k, uint32_t keep, Best& best,
          Scratch& scratch) {
    std::vector<Candidate>& pool = scratch.pool;  // a heap, worst first
    pool.clear();
    Sieve sieve(plan, number, query, std::min(k, plan.matches), best);
    const Anchor& anchor = query.anchor(plan.segment && plan.segment->is_of_0_1());
    Query::Widest widest;
    float limit = std::numeric_limits<float>::infinity();
    uint32_t rows[GROUP], count = 0;
    const uint8_t* records[GROUP];
    float firsts[GROUP];
    const auto measure = [&] {
        anchor.distances(records, count, firsts);
        for (uint32_t i = 0; i < count; ++i) {
            if (widest.take_in(header_of(records[i])) || sieve.limit() < limit) {
                limit = sieve.limit();
                sieve.set_reject(query.reject_beyond(limit, widest));
            }
            sieve.offer(firsts[i], rows[i]);
            keep_nearest(pool, {firsts[i], rows[i]}, keep);
        }
        scratch.measured += count;
        count = 0;
        scratch.charge();
    };
    for_each_match(plan.rows, plan.mask, [&](uint32_t row) {
        rows[count] = row;
        records[count] = plan.part->record(row);
        prefetch(records[count], record_bytes(plan.part->shape()));
        if (++count == GROUP) measure();
    });
    measure();
    sieve.finish();
    std::sort_heap(pool.begin(), pool.end(), nearer);
}

}  // namespace asteroid
