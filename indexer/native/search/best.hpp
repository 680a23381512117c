// The k nearest rows that have been measured exactly, whichever parts they are of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "parts/part.hpp"

namespace asteroid {

struct Hit {
    double distance;
    uint32_t part;
    uint32_t ordinal;
    uint64_t id;
    double rank;  // what distances are compared by; see Query
};

// Ascending by (rank, id). Ids that are names are compared only where ranks are equal.
class HitOrder {
  public:
    // `parts`: those that hits are of, by number.
    explicit HitOrder(const std::vector<const Part*>& parts)
        : parts_(parts), has_names_(!parts.empty() && parts.front()->has_names()) {}

    bool has_names() const { return has_names_; }
    bool operator()(const Hit& a, const Hit& b) const {
        return a.rank < b.rank || (a.rank == b.rank && id_before(a, b));
    }
    // Throws DamagedSegment.
    bool id_before(const Hit& a, const Hit& b) const { return has_names_ ? name_before(a, b) : a.id < b.id; }

  private:
    __attribute__((noinline)) bool name_before(const Hit& a, const Hit& b) const {
        const Part &one = *parts_[a.part], &other = *parts_[b.part];
        if (a.part == b.part && one.has_ranks()) return a.id < b.id;
        return one.name(a.ordinal) < other.name(b.ordinal);
    }

    const std::vector<const Part*>& parts_;
    const bool has_names_;
};

class Best {
  public:
    Best(uint32_t k, const HitOrder& before) : k_(k), before_(before) {}

    bool is_full() const { return hits_.size() == k_; }
    // A row of a higher rank is not among the k nearest.
    double limit() const { return is_full() ? hits_.front().rank : std::numeric_limits<double>::infinity(); }

    const Hit& worst() const { return hits_.front(); }

    void offer(const Hit& hit) {
        if (!is_full()) {
            hits_.push_back(hit);
            std::push_heap(hits_.begin(), hits_.end(), before_);
        } else if (before_(hit, hits_.front())) {
            std::pop_heap(hits_.begin(), hits_.end(), before_);
            hits_.back() = hit;
            std::push_heap(hits_.begin(), hits_.end(), before_);
        }
    }

    // Forgets the rows of a part that is about to be looked at again.
    void forget(uint32_t part) {
        const auto is_of = [part](const Hit& hit) { return hit.part == part; };
        hits_.erase(std::remove_if(hits_.begin(), hits_.end(), is_of), hits_.end());
        std::make_heap(hits_.begin(), hits_.end(), before_);
    }

    std::vector<Hit> sorted() && {
        std::sort_heap(hits_.begin(), hits_.end(), before_);
        return std::move(hits_);
    }

  private:
    uint32_t k_;
    const HitOrder& before_;
    std::vector<Hit> hits_;  // a heap, the worst first
};

}  // namespace asteroid
