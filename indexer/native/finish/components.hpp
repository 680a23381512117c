// Parts of a graph that no link joins: clusters of rows that are far from all others.
#pragma once

#include "builder/graph_builder.hpp"
#include "threads/parallel.hpp"

namespace asteroid {

// Links each such part to its nearest others, both ways, until there is one. Does nothing to a graph that is
// whole.
void connect(GraphBuilder& builder, uint32_t threads, Progress& progress);

}  // namespace asteroid
