// Points with equal records. One of each stands for all of them while a graph is built; the others are hung
// onto it afterwards. Copies would fill each other's lists, and leave no link to anything else.
#pragma once

#include <cstdint>
#include <vector>

#include "builder/points.hpp"
#include "threads/parallel.hpp"

namespace asteroid {

class Copies {
  public:
    Copies(const Points& points, Progress& progress);

    bool none() const { return others_.empty(); }
    // The points that are no copy of an earlier one, ascending.
    const std::vector<uint32_t>& different() const { return different_; }

    // Hangs the copies onto the points that they are copies of, as trees: each gets a way in and a way back,
    // and some of the links of the one that it is a copy of.
    void link(const LinkTable& table, Progress& progress) const;

  private:
    std::vector<uint32_t> different_;
    std::vector<std::vector<uint32_t>> others_;  // groups of equal points, ascending
};

// Hangs all copies of a graph builder onto the first of them. Each part of a graph that was joined has its
// own trees, and pruning cuts them.
void hang_copies(GraphBuilder& builder, Progress& progress);

}  // namespace asteroid
