// The k nearest rows that have been measured exactly, whichever parts they are of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace asteroid {

struct Hit {
    double distance;
    uint32_t part;
    uint32_t ordinal;
    uint64_t id;
    double rank;  // what distances are compared by; see Query
};

// Ascending by (rank, id).
inline bool before(const Hit& a, const Hit& b) {
    return a.rank < b.rank || (a.rank == b.rank && a.id < b.id);
}

class Best {
  public:
    explicit Best(uint32_t k) : k_(k) {}

    bool is_full() const { return hits_.size() == k_; }
    // A row of a higher rank is not among the k nearest.
    double limit() const { return is_full() ? hits_.front().rank : std::numeric_limits<double>::infinity(); }

    const Hit& worst() const { return hits_.front(); }

    void offer(const Hit& hit) {
        if (!is_full()) {
            hits_.push_back(hit);
            std::push_heap(hits_.begin(), hits_.end(), before);
        } else if (before(hit, hits_.front())) {
            std::pop_heap(hits_.begin(), hits_.end(), before);
            hits_.back() = hit;
            std::push_heap(hits_.begin(), hits_.end(), before);
        }
    }

    // Forgets the rows of a part that is about to be looked at again.
    void forget(uint32_t part) {
        const auto is_of = [part](const Hit& hit) { return hit.part == part; };
        hits_.erase(std::remove_if(hits_.begin(), hits_.end(), is_of), hits_.end());
        std::make_heap(hits_.begin(), hits_.end(), before);
    }

    std::vector<Hit> sorted() && {
        std::sort_heap(hits_.begin(), hits_.end(), before);
        return std::move(hits_);
    }

  private:
    uint32_t k_;
    std::vector<Hit> hits_;  // a heap, the worst first
};

}  // namespace asteroid
