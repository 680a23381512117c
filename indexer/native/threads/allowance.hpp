// How much work a read may do, and whether it is still wanted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "threads/parallel.hpp"

namespace asteroid {

// Any thread may use it. Work reports its steps at least every few milliseconds. Once a report has thrown, so
// does every later one.
class Allowance {
  public:
    Allowance(uint64_t steps_max, double seconds) : steps_max_(steps_max) { restart(seconds); }

    // Gives it so much time from now on; while nobody works.
    void restart(double seconds) {
        constexpr double century = 3e9;
        const std::chrono::duration<double> left(seconds < century ? seconds : century);
        deadline_ = std::chrono::steady_clock::now() +
                    std::chrono::duration_cast<std::chrono::steady_clock::duration>(left);
    }

    // Throws Cancelled when nobody wants the work any more, or it takes too many steps or too long.
    void spend(uint64_t steps) {
        const uint64_t spent = spent_.fetch_add(steps, std::memory_order_relaxed) + steps;
        if (spent > steps_max_ || is_cancelled() || is_late()) throw Cancelled();
    }

    void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
    bool is_cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
    bool is_late() const { return std::chrono::steady_clock::now() > deadline_; }
    uint64_t spent() const { return spent_.load(std::memory_order_relaxed); }
    uint64_t steps_max() const { return steps_max_; }

  private:
    const uint64_t steps_max_;
    std::chrono::steady_clock::time_point deadline_;
    std::atomic<uint64_t> spent_{0};
    std::atomic<bool> cancelled_{false};
};

}  // namespace asteroid
