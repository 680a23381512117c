// Approximate nearest neighbours of every point, by comparing all pairs within small parts of the space.
#pragma once

#include <cstdint>
#include <vector>

#include "builder/points.hpp"
#include "search/walk.hpp"
#include "threads/parallel.hpp"

namespace asteroid {

// The nearest neighbours found so far of each point, best first, in one flat array.
class Pools {
  public:
    Pools(uint32_t points, uint32_t size) : size_(size), all_(size_t(points) * size), counts_(points) {}

    uint32_t size() const { return size_; }
    Candidate* begin(uint32_t point) { return all_.data() + size_t(point) * size_; }
    uint32_t count(uint32_t point) const { return counts_[point]; }
    void set_count(uint32_t point, uint32_t count) { counts_[point] = count; }

    // Adds a candidate, unless it is in the pool already or is too far away.
    void offer(uint32_t point, const Candidate& candidate);

    // Replaces a pool by the first of `candidates`, which are sorted.
    void assign(uint32_t point, const std::vector<Candidate>& candidates, size_t count);

  private:
    uint32_t size_;
    std::vector<Candidate> all_;
    std::vector<uint32_t> counts_;
};

// Splits the points into small parts around randomly chosen points, and compares all pairs within each part.
// Repeats this `rounds` times with other points. A part's records are read in sequence and stay in the cache;
// a walk would wait for memory at each record. Random clustering with dense work inside the clusters is the
// idea of HCNNG (Muñoz et al., 2019).
void find_neighbours(const Points& points, uint32_t rounds, uint32_t threads, Pools& pools,
                     Progress& progress);

}  // namespace asteroid
