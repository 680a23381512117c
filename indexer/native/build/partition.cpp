#include "build/partition.hpp"

#include <algorithm>
#include <numeric>
#include <random>

namespace asteroid {
namespace {

constexpr uint32_t PART_ROWS_MAX = 1024;  // their records and distances stay in the cache
constexpr uint32_t PART_ROWS_MIN = PART_ROWS_MAX / 4;
constexpr uint32_t CENTRES_MAX = 32;
constexpr uint32_t DEPTH_MAX = 32;
constexpr size_t BLOCK = 1024;
constexpr uint32_t SORTED = 1 << 20;  // points that are sorted into groups between two checks
constexpr size_t STRIPE = 16;  // rows of distances mirrored together
constexpr size_t AHEAD = 4;  // records on their way into the cache

struct Range {
    size_t first, last;
    size_t size() const { return last - first; }
};

// Recursively deals `members` out to the nearest of a few centres until the parts are small.
class Splitter {
  public:
    Splitter(const Points& points, uint32_t seed, uint32_t threads, Progress& progress)
        : points_(points), random_(seed), threads_(threads), progress_(progress), members_(points.count) {
        std::iota(members_.begin(), members_.end(), 0u);
        split({0, members_.size()}, 0);
    }

    const std::vector<Range>& parts() const { return parts_; }
    const std::vector<uint32_t>& members() const { return members_; }

  private:
    void split(Range range, uint32_t depth) {
        if (range.size() <= PART_ROWS_MAX) {
            parts_.push_back(range);
            return;
        }
        if (depth == DEPTH_MAX) return cut(range);
        const size_t wanted = range.size() / (PART_ROWS_MAX / 3);
        const std::vector<size_t> ends = deal(range, uint32_t(std::clamp<size_t>(wanted, 2, CENTRES_MAX)));
        size_t first = range.first;
        for (size_t i = 0; i < ends.size(); ++i) {  // small clusters go together with the next
            const size_t last = range.first + ends[i];
            if (last - first < PART_ROWS_MIN && i + 1 < ends.size()) continue;
            if (last - first == range.size()) return cut(range);  // points that no centre tells apart
            if (last > first) split({first, last}, depth + 1);
            first = last;
        }
    }

    // Parts without regard to nearness, for points that are all alike.
    void cut(Range range) {
        for (size_t first = range.first; first < range.last; first += PART_ROWS_MAX)
            parts_.push_back({first, std::min(first + PART_ROWS_MAX, range.last)});
    }

    // Sorts a range's members by the nearest of `centres` random ones; returns where each group ends.
    std::vector<size_t> deal(Range range, uint32_t centres) {
        std::vector<const uint8_t*> records(centres);
        for (const uint8_t*& record : records)
            record = points_.record(members_[range.first + random_() % range.size()]);
        const size_t n = range.size();
        const Space space = points_.space();
        std::vector<uint8_t> nearest(n);
        in_parallel(n, BLOCK, threads_, [&](size_t first, size_t last) {
            float distances[CENTRES_MAX];
            for (size_t i = first; i < last; ++i) {
                const uint32_t* member = &members_[range.first + i];
                if (i + AHEAD < last) prefetch(points_.record(member[AHEAD]), record_bytes(points_.shape()));
                Anchor(points_.record(*member), space)
                    .distances(records.data(), centres, distances);
                nearest[i] = uint8_t(std::min_element(distances, distances + centres) - distances);
            }
            progress_.check();
        });
        std::vector<size_t> ends(centres, 0);
        for (const uint8_t group : nearest) ++ends[group];
        std::partial_sum(ends.begin(), ends.end(), ends.begin());
        std::vector<uint32_t> sorted(n);
        CancelCheck check(progress_, SORTED);
        for (size_t i = n; i-- > 0; check.step()) sorted[--ends[nearest[i]]] = members_[range.first + i];
        std::copy(sorted.begin(), sorted.end(), members_.begin() + ptrdiff_t(range.first));
        ends.erase(ends.begin());  // now the groups' beginnings: those of the next are the ends
        ends.push_back(n);
        return ends;
    }

    const Points& points_;
    std::mt19937 random_;
    uint32_t threads_;
    Progress& progress_;
    std::vector<uint32_t> members_;
    std::vector<Range> parts_;
};

// All pairs of one part: distances as a matrix, then the best of each row into the pools.
class PartComparison {
  public:
    PartComparison(const Points& points, Pools& pools)
        : points_(points), pools_(pools), stride_((record_bytes(points.shape()) + 63) / 64 * 64) {}

    void compare(const uint32_t* members, size_t n) {
        measure(members, n);
        for (size_t i = 0; i < n; ++i) keep_best(members, n, i);
    }

  private:
    void measure(const uint32_t* members, size_t n) {
        const Shape& shape = points_.shape();
        records_.resize(n * stride_);
        pointers_.resize(n);
        for (size_t i = 0; i < n; ++i) {
            uint8_t* copy = records_.data() + i * stride_;
            std::memcpy(copy, points_.record(members[i]), record_bytes(shape));
            pointers_[i] = copy;
        }
        matrix_.resize(n * n);
        for (size_t first = 0; first < n; first += STRIPE) {
            const size_t last = std::min(first + STRIPE, n);
            for (size_t i = first; i < last; ++i)
                Anchor(pointers_[i], points_.space())
                    .distances(&pointers_[first], n - first, &matrix_[i * n + first]);
            for (size_t j = last; j < n; ++j)  // a line of the cache at a time
                for (size_t i = first; i < last; ++i) matrix_[j * n + i] = matrix_[i * n + j];
        }
    }

    void keep_best(const uint32_t* members, size_t n, size_t i) {
        const uint32_t point = members[i], size = pools_.size();
        const bool full = pools_.count(point) == size;
        const float farthest = full ? pools_.begin(point)[size - 1].distance
                                    : std::numeric_limits<float>::infinity();
        best_.clear();
        const float* row = &matrix_[i * n];
        for (size_t j = 0; j < n; ++j)
            if (row[j] < farthest && j != i) best_.push_back({row[j], members[j]});
        if (best_.size() > size) {
            std::nth_element(best_.begin(), best_.begin() + size, best_.end(), nearer);
            best_.resize(size);
        }
        if (pools_.count(point) == 0) {
            std::sort(best_.begin(), best_.end(), nearer);
            return pools_.assign(point, best_, best_.size());
        }
        for (const Candidate& candidate : best_) pools_.offer(point, candidate);
    }

    const Points& points_;
    Pools& pools_;
    size_t stride_;
    std::vector<uint8_t> records_;
    std::vector<const uint8_t*> pointers_;
    std::vector<float> matrix_;
    std::vector<Candidate> best_;
};

}  // namespace

void Pools::offer(uint32_t point, const Candidate& candidate) {
    Candidate* const pool = begin(point);
    uint32_t& count = counts_[point];
    if (count == size_ && candidate.distance >= pool[count - 1].distance) return;
    Candidate* at = std::lower_bound(pool, pool + count, candidate, nearer);
    if (at != pool + count && at->node == candidate.node && at->distance == candidate.distance) return;
    if (count < size_) ++count;
    std::memmove(at + 1, at, size_t(pool + count - 1 - at) * sizeof(Candidate));
    *at = candidate;
}

void Pools::assign(uint32_t point, const std::vector<Candidate>& candidates, size_t count) {
    counts_[point] = uint32_t(std::min<size_t>(count, size_));
    std::copy_n(candidates.begin(), counts_[point], begin(point));
}

void find_neighbours(const Points& points, uint32_t rounds, uint32_t threads, Pools& pools,
                     Progress& progress) {
    for (uint32_t round = 0; round < rounds; ++round) {
        Splitter splitter(points, round + 1, threads, progress);
        std::vector<Range> parts = splitter.parts();
        const auto larger = [](const Range& a, const Range& b) { return a.size() > b.size(); };
        std::stable_sort(parts.begin(), parts.end(), larger);  // so that threads end together
        in_parallel(parts.size(), 1, threads, [&](size_t first, size_t last) {
            PartComparison comparison(points, pools);
            for (size_t i = first; i < last; ++i) {
                comparison.compare(splitter.members().data() + parts[i].first, parts[i].size());
                progress.add(parts[i].size());
            }
        });
        if (parts.size() == 1) return;  // all pairs have been compared
    }
}

}  // namespace asteroid
