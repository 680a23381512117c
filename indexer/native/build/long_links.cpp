#include "build/long_links.hpp"

#include <algorithm>

#include "build/prune.hpp"

namespace asteroid {
namespace {

// One point of so many is in the first sample, one of these in the next. Of a group of 30 points, 98% of the
// time at least one is.
constexpr uint32_t SAMPLE_RATIO = 8;
constexpr uint32_t POOL_SIZE = 32;
// Rounds of comparisons. Few do for data without groups, whose near links lead anywhere.
constexpr uint32_t ROUNDS = 4, ROUNDS_IN_GROUPS = 12;
// Points are in small groups when two steps lead to fewer points than so many for each step. Groups of up to
// 100 give 3 to 6, normal values in 16 dimensions and embeddings of sentences 16.
constexpr size_t THIN = 7;
constexpr uint32_t TRIED = 256;  // points from which this is tried
constexpr size_t BLOCK = 64;

bool is_in_groups(uint32_t points, Pools& pools) {
    size_t steps = 0, met = 0;
    std::vector<uint32_t> nodes;
    const uint32_t tried = std::min(points, TRIED);
    for (uint32_t i = 0; i < tried; ++i) {
        const auto point = uint32_t(uint64_t(i) * points / tried);
        nodes.clear();
        const auto step = [&](uint32_t from) {
            ++steps;
            for (uint32_t j = 0; j < pools.count(from); ++j) nodes.push_back(pools.begin(from)[j].node);
        };
        step(point);
        for (uint32_t j = 0; j < pools.count(point); ++j) step(pools.begin(point)[j].node);
        std::sort(nodes.begin(), nodes.end());
        met += size_t(std::unique(nodes.begin(), nodes.end()) - nodes.begin());
    }
    return met < THIN * steps;
}

// Some of the points, and the rows that they are.
struct Sample {
    std::vector<uint32_t> numbers, rows;

    Sample(const Points& points, uint64_t ratio, Progress& progress) {
        CancelCheck check(progress);
        for (uint32_t point = 0; point < points.count; ++point, check.step()) {
            if (scrambled(point) % ratio != 0) continue;
            numbers.push_back(point);
            rows.push_back(points.row(point));
        }
    }
};

class LongLinks {
  public:
    LongLinks(const Points& points, Pools& pools, uint32_t most, uint32_t threads, Progress& progress)
        : points_(points),
          pools_(pools),
          most_(most),
          threads_(threads),
          progress_(progress),
          rounds_(is_in_groups(points.count, pools) ? ROUNDS_IN_GROUPS : ROUNDS) {}

    void add(const Sample& sample) {
        Points points = points_;
        points.first = 0;
        points.count = uint32_t(sample.rows.size());
        points.chosen = sample.rows.data();
        Pools near(points.count, POOL_SIZE);
        Progress unseen([this] {  // its steps are not counted
            progress_.check();
            return true;
        });
        find_neighbours(points, rounds_, threads_, near, unseen);
        in_parallel(points.count, BLOCK, threads_, [&](size_t first, size_t last) {
            for (uint32_t i = uint32_t(first); i < last; ++i) add(sample, i, near);
            progress_.check();
        });
    }

  private:
    // To the pool of point `i` of the sample.
    void add(const Sample& sample, uint32_t i, Pools& near) {
        thread_local PruneScratch scratch;
        thread_local std::vector<Candidate> candidates;
        const uint32_t point = sample.numbers[i];
        candidates.assign(pools_.begin(point), pools_.begin(point) + pools_.count(point));
        for (uint32_t j = 0; j < near.count(i); ++j) {
            const Candidate& other = near.begin(i)[j];
            candidates.push_back({other.distance, sample.numbers[other.node]});
        }
        sort_unique(candidates);
        const size_t chosen = prune(candidates, most_, points_.space(), scratch,
                                    [&](uint32_t other) { return points_.record(other); });
        pools_.assign(point, candidates, chosen);
    }

    const Points& points_;
    Pools& pools_;
    const uint32_t most_, threads_;
    Progress& progress_;
    const uint32_t rounds_;
};

}  // namespace

void add_long_links(const Points& points, Pools& pools, uint32_t most, uint32_t threads, Progress& progress) {
    LongLinks links(points, pools, most, threads, progress);
    for (uint64_t ratio = SAMPLE_RATIO; ratio < points.count; ratio *= SAMPLE_RATIO) {
        const Sample sample(points, ratio, progress);
        if (sample.rows.size() > 1) links.add(sample);
    }
}

}  // namespace asteroid
