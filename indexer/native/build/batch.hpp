// A graph over many points at once.
#pragma once

#include "builder/points.hpp"
#include "threads/parallel.hpp"

namespace asteroid {

constexpr uint32_t PARTITION_ROUNDS = 6;

// Fills `table` with up to table.most links a point, in both directions where there is room, by comparing
// all pairs in small parts of the space, choosing diverse links, and then once more among what a walk over
// that first graph finds. Independent of the number of threads up to the order of equal distances.
void link_all(const Points& points, const LinkTable& table, uint32_t threads, Progress& progress);

// The same for the rows of a graph builder from `first` on, among themselves.
void link_all(GraphBuilder& builder, uint32_t first, uint32_t threads, Progress& progress);

// Steps that link_all reports for a point.
constexpr uint32_t LINK_STEPS = PARTITION_ROUNDS + 1;

}  // namespace asteroid
