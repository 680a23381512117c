#include "search/search.hpp"

#include <algorithm>
#include <cstring>

#include "search/masked_walk.hpp"
#include "search/walk.hpp"
#include "threads/parallel.hpp"

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

// The best `wanted` of the matching rows, left in scratch.pool best first.
void scan(const PartPlan& plan, const Anchor& anchor, uint32_t wanted, Scratch& scratch) {
    std::vector<Candidate>& best = scratch.pool;  // a heap, worst first
    best.clear();
    const auto better = [&plan](const Candidate& a, const Candidate& b) {
        if (a.distance != b.distance) return a.distance < b.distance;
        return plan.part->id(a.node) < plan.part->id(b.node);
    };
    const auto offer = [&](const Candidate& candidate) {
        if (best.size() < wanted) {
            best.push_back(candidate);
            std::push_heap(best.begin(), best.end(), better);
        } else if (candidate.distance <= best.front().distance && better(candidate, best.front())) {
            std::pop_heap(best.begin(), best.end(), better);
            best.back() = candidate;
            std::push_heap(best.begin(), best.end(), better);
        }
    };
    constexpr uint32_t GROUP = 16;
    uint32_t rows[GROUP], count = 0;
    const uint8_t* records[GROUP];
    float distances[GROUP];
    const auto measure = [&] {
        anchor.distances(records, count, distances);
        for (uint32_t i = 0; i < count; ++i) offer({distances[i], rows[i]});
        scratch.measured += count;
        count = 0;
    };
    for_each_match(plan.rows, plan.mask, [&](uint32_t row) {
        rows[count] = row;
        records[count] = plan.part->record(row);
        prefetch(records[count], record_bytes(plan.part->shape().dim));
        if (++count == GROUP) measure();
    });
    measure();
    std::sort_heap(best.begin(), best.end(), better);
}

// Leaves at least min(k, matches) candidates in scratch.pool, best first, whatever the graph is like.
// Those farther than `bound` need not be found. False when a walk found too few, and a scan had to follow.
bool find_candidates(const PartPlan& plan, const Anchor& anchor, const SearchOptions& options, float bound,
                     Scratch& scratch) {
    const uint32_t enough = std::min(options.k, plan.matches);
    if (plan.segment && !plan.scan) {
        bool complete = true;
        if (plan.mask.bits) {
            complete = walk_masked(*plan.segment, anchor, options.ef, plan.mask, plan.matches, scratch);
        } else {
            scratch.start(plan.segment->rows());
            const uint32_t entry = plan.segment->entry(anchor, scratch.measured);
            walk(*plan.segment, anchor, &entry, 1, options.ef, scratch, bound, options.k);
        }
        if (complete && scratch.pool.size() >= enough) {
            scratch.pool.resize(std::min<size_t>(scratch.pool.size(), shortlist(options.k)));
            return true;
        }
    }
    scan(plan, anchor, shortlist(options.k), scratch);
    return !plan.segment || plan.scan;
}

// With ties by id at the border of k: rows as near as the worst kept one must not be lost to chance,
// so an exact scan keeps (distance, id) pairs rather than (distance, ordinal).
void scan_exactly(const PartPlan& plan, uint32_t number, const Query& query, uint32_t k, Answer& answer) {
    std::vector<Hit> best;
    for_each_match(plan.rows, plan.mask, [&](uint32_t row) {
        ++answer.visited;
        const Hit hit{query.distance(plan.part->record(row), plan.part->fine(row)), number, row,
                      plan.part->id(row)};
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

// A candidate and the part that it is of.
struct Found {
    Candidate candidate;
    uint32_t part;
};

// Merges a part's candidates, best first, into the best `size` of all parts; returns how near a later one
// must be to count.
float merge(const std::vector<Candidate>& candidates, uint32_t part, size_t size, std::vector<Found>& found) {
    const auto middle = ptrdiff_t(found.size());
    for (const Candidate& candidate : candidates) found.push_back({candidate, part});
    const auto before = [](const Found& a, const Found& b) {
        return a.candidate.distance < b.candidate.distance;
    };
    std::inplace_merge(found.begin(), found.begin() + middle, found.end(), before);
    if (found.size() < size) return std::numeric_limits<float>::infinity();
    found.resize(size);
    return found.back().candidate.distance;
}

// What is found in the large parts tells how far to look in the others.
std::vector<uint32_t> largest_first(const std::vector<PartPlan>& parts) {
    std::vector<uint32_t> order(parts.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
        return parts[a].matches > parts[b].matches;
    });
    return order;
}

}  // namespace

Answer search(const std::vector<PartPlan>& parts, const float* vector, const SearchOptions& options) {
    thread_local Scratch scratch;
    thread_local std::vector<uint8_t> record;
    thread_local std::vector<Found> found;
    Answer answer;
    if (parts.empty()) return answer;
    const Shape& shape = parts.front().part->shape();
    record.resize(record_bytes(shape.dim));
    const Query query(vector, shape.dim, shape.metric, record.data());
    scratch.measured = 0;
    found.clear();
    float bound = std::numeric_limits<float>::infinity();
    for (const uint32_t number : largest_first(parts)) {
        const PartPlan& plan = parts[number];
        if (plan.matches == 0) continue;
        if (options.exact) {
            scan_exactly(plan, number, query, options.k, answer);
            continue;
        }
        answer.rescanned += !find_candidates(plan, query.anchor(), options, bound, scratch);
        bound = merge(scratch.pool, number, shortlist(options.k), found);
    }
    for (const auto& [candidate, number] : found) {
        const Part& part = *parts[number].part;
        prefetch(part.fine(candidate.node), part.fine(candidate.node) ? shape.dim : 0);
    }
    for (const auto& [candidate, number] : found) {
        const Part& part = *parts[number].part;
        const float distance = query.distance(part.record(candidate.node), part.fine(candidate.node));
        answer.hits.push_back({distance, number, candidate.node, part.id(candidate.node)});
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
    const size_t dim = parts.front().part->shape().dim;
    in_parallel(n, 1, threads, [&](size_t first, size_t last) {
        for (size_t i = first; i < last; ++i) answers[i] = search(parts, queries + i * dim, options);
    });
    return answers;
}

}  // namespace asteroid
