// Long native work: shared out to threads, observed and called off from outside.
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

// Thrown out of work that somebody called off.
struct Cancelled : std::runtime_error {
    Cancelled() : std::runtime_error("called off") {}
};

// How far a piece of work has come, and whether it is still wanted; for any thread.
class Progress {
  public:
    // `is_wanted` is asked now and then, by one thread at a time.
    explicit Progress(std::function<bool()> is_wanted) : is_wanted_(std::move(is_wanted)) {}

    // Throws Cancelled when the work is wanted no longer.
    void add(uint64_t steps) {
        done_.fetch_add(steps, std::memory_order_relaxed);
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
    uint64_t done() const { return done_; }

  private:
    static constexpr std::chrono::milliseconds INTERVAL{50};

    std::function<bool()> is_wanted_;
    std::atomic<uint64_t> done_{0};
    std::atomic<bool> cancelled_{false};
    std::mutex asking_;
    std::chrono::steady_clock::time_point next_{};
};

// Runs work(first, last) over 0 … n − 1 in blocks, on up to `threads` threads, the caller's among them;
// goes on with fewer when the system has none to give. The first exception is rethrown.
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
    } catch (const std::system_error&) {  // those that run are enough
    }
    run();
    for (std::thread& other : others) other.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace asteroid
