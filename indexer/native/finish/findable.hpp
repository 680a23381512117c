// Whether searches find what a graph holds.
#pragma once

#include "builder/graph_builder.hpp"
#include "threads/parallel.hpp"

namespace asteroid {

// Searches for some of the rows as queries do, from the top of the hierarchy. When more than a few are
// missed, searches for all, and links each row that is missed to the nearest rows that were met instead. Call
// it once the hierarchy is there.
void make_findable(GraphBuilder& builder, uint32_t threads, Progress& progress);

}  // namespace asteroid
