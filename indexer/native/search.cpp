#include "search.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "threads.hpp"
#include "walk.hpp"

namespace asteroid {
namespace {

// How many candidates a part hands on to be measured exactly: ranks know the query only as codes, so
// the true k-th nearest may stand somewhat behind the k-th by rank.
uint32_t shortlist(uint32_t k) { return 2 * k + 16; }

bool by_distance(const Hit& a, const Hit& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.id < b.id);
}

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

// The best `wanted` of the matching rows by measure(record), left in scratch.pool in no order.
template <class Measure>
void scan(const PartPlan& plan, uint32_t wanted, Scratch& scratch, const Measure& measure) {
    std::vector<Candidate>& best = scratch.pool;  // a heap, worst first
    best.clear();
    const auto better = [&plan](const Candidate& a, const Candidate& b) {
        if (a.rank != b.rank) return a.rank < b.rank;
        return plan.part->id(a.node) < plan.part->id(b.node);
    };
    for_each_match(plan.rows, plan.mask, [&](uint32_t row) {
        ++scratch.measured;
        const Candidate candidate{measure(plan.part->record(row)), row};
        if (best.size() < wanted) {
            best.push_back(candidate);
            std::push_heap(best.begin(), best.end(), better);
        } else if (better(candidate, best.front())) {
            std::pop_heap(best.begin(), best.end(), better);
            best.back() = candidate;
            std::push_heap(best.begin(), best.end(), better);
        }
    });
}

// Leaves at least min(k, matches) candidates in scratch.pool, whatever the graph is like.
void find_candidates(const PartPlan& plan, const Query& query, const SearchOptions& options,
                     Scratch& scratch) {
    const uint32_t enough = std::min(options.k, plan.matches);
    if (plan.segment && !plan.scan) {
        bool complete = true;
        if (plan.mask.bits)
            complete = walk_masked(*plan.segment, query, options.ef, plan.mask, plan.matches, scratch);
        else
            walk(*plan.segment, query, options.ef, scratch);
        if (complete && scratch.pool.size() >= enough) {
            scratch.pool.resize(std::min<size_t>(scratch.pool.size(), shortlist(options.k)));
            return;
        }
    }
    scan(plan, shortlist(options.k), scratch, [&](const uint8_t* r) { return query.rank(r); });
}

// With ties by id at the border of k: rows as near as the worst kept one must not be lost to chance,
// so an exact scan keeps (distance, id) pairs rather than (distance, ordinal).
void scan_exactly(const PartPlan& plan, uint32_t number, const Query& query, uint32_t k, Answer& answer) {
    std::vector<Hit> best;
    for_each_match(plan.rows, plan.mask, [&](uint32_t row) {
        ++answer.visited;
        const Hit hit{query.distance(plan.part->record(row)), number, row, plan.part->id(row)};
        if (best.size() < k) {
            best.push_back(hit);
            std::push_heap(best.begin(), best.end(), by_distance);
        } else if (by_distance(hit, best.front())) {
            std::pop_heap(best.begin(), best.end(), by_distance);
            best.back() = hit;
            std::push_heap(best.begin(), best.end(), by_distance);
        }
    });
    answer.hits.insert(answer.hits.end(), best.begin(), best.end());
}

}  // namespace

Answer search(const std::vector<PartPlan>& parts, const float* vector, const SearchOptions& options) {
    thread_local Scratch scratch;
    thread_local std::vector<uint8_t> record;
    Answer answer;
    if (parts.empty()) return answer;
    const size_t dim = parts.front().part->dim();
    record.resize(record_bytes(dim));
    const Query query(vector, dim, parts.front().part->metric(), record.data());
    scratch.measured = 0;
    for (uint32_t number = 0; number < parts.size(); ++number) {
        const PartPlan& plan = parts[number];
        if (plan.matches == 0) continue;
        if (options.exact) {
            scan_exactly(plan, number, query, options.k, answer);
            continue;
        }
        find_candidates(plan, query, options, scratch);
        for (const Candidate& candidate : scratch.pool)
            answer.hits.push_back({query.distance(plan.part->record(candidate.node)), number, candidate.node,
                                   plan.part->id(candidate.node)});
    }
    const size_t kept = std::min<size_t>(options.k, answer.hits.size());
    std::partial_sort(answer.hits.begin(), answer.hits.begin() + ptrdiff_t(kept), answer.hits.end(),
                      by_distance);
    answer.hits.resize(kept);
    answer.visited += scratch.measured;
    return answer;
}

std::vector<Answer> search_many(const std::vector<PartPlan>& parts, const float* queries, size_t n,
                                const SearchOptions& options, uint32_t threads) {
    std::vector<Answer> answers(n);
    if (parts.empty()) return answers;
    const size_t dim = parts.front().part->dim();
    std::atomic<size_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_lock;
    const auto work = [&] {
        try {
            for (size_t i; (i = next.fetch_add(1)) < n;)
                answers[i] = search(parts, queries + i * dim, options);
        } catch (...) {
            const std::lock_guard guard(failure_lock);
            failure = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    for (uint32_t t = 1; t < std::min<size_t>(threads, n) && start_thread(others, work);) ++t;
    work();
    for (std::thread& other : others) other.join();
    if (failure) std::rethrow_exception(failure);
    return answers;
}

}  // namespace asteroid
