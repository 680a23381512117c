// Long native work: it is divided among threads, reports how far it has come, and can be cancelled.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace asteroid {

// Thrown by work that has been cancelled.
struct Cancelled : std::runtime_error {
    Cancelled() : std::runtime_error("cancelled") {}
};

// How far a piece of work has come, and whether it is still wanted. Any thread may use it. Work calls `add`
// or `check` at least every 100 ms or so, in each of its steps.
class Progress {
  public:
    // `is_wanted` is called at most every 50 ms, by one thread at a time.
    explicit Progress(std::function<bool()> is_wanted) : is_wanted_(std::move(is_wanted)) {}

    // Reports steps that are done. Throws Cancelled when the work is no longer wanted.
    void add(uint64_t steps) {
        done_.fetch_add(steps, std::memory_order_relaxed);
        checks_.fetch_add(1, std::memory_order_relaxed);
        if (cancelled_.load(std::memory_order_relaxed)) throw Cancelled();
        const std::unique_lock only_one(asking_, std::try_to_lock);
        const auto now = std::chrono::steady_clock::now();
        if (!only_one || now < next_) return;
        next_ = now + INTERVAL;
        if (!is_wanted_()) {
            cancelled_ = true;
            throw Cancelled();
        }
    }
    // The same where no step is done yet.
    void check() { add(0); }
    uint64_t done() const { return done_; }
    // How many times the work has asked whether it is still wanted.
    uint64_t checks() const { return checks_; }

  private:
    static constexpr std::chrono::milliseconds INTERVAL{50};

    std::function<bool()> is_wanted_;
    std::atomic<uint64_t> done_{0}, checks_{0};
    std::atomic<bool> cancelled_{false};
    std::mutex asking_;
    std::chrono::steady_clock::time_point next_{};
};

// Checks in a loop on one thread, once in `every` steps, whether the work is still wanted.
class CancelCheck {
  public:
    explicit CancelCheck(Progress& progress, uint32_t every = 4096) : progress_(progress), every_(every) {}

    void step() {
        if (++steps_ % every_ == 0) progress_.check();
    }

  private:
    Progress& progress_;
    uint32_t every_;
    uint32_t steps_ = 0;
};

// Runs work(first, last) over 0 … n − 1 in blocks, on up to `threads` threads. The caller's thread is one of
// them. When the system cannot start a thread, the others do the work. The first exception is rethrown.
template <class Work>
void in_parallel(size_t n, size_t block, uint32_t threads, const Work& work) {
    std::atomic<size_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_lock;
    const auto run = [&] {
        try {
            for (size_t first; (first = next.fetch_add(block)) < n;)
                work(first, first + block < n ? first + block : n);
        } catch (...) {
            const std::lock_guard guard(failure_lock);
            if (!failure) failure = std::current_exception();
            next = n;
        }
    };
    std::vector<std::thread> others;
    try {
        for (uint32_t t = 1; t < threads && t * block < n; ++t) others.emplace_back(run);
    } catch (const std::system_error&) {  // the threads that run do the work
    }
    run();
    for (std::thread& other : others) other.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace asteroid
