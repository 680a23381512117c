// Makes one graph of several. A merge does this instead of building a new graph over all rows.
#pragma once

#include <cstdint>
#include <vector>

#include "builder/graph_builder.hpp"
#include "parts/segment.hpp"
#include "threads/parallel.hpp"

namespace asteroid {

// Appends the rows of `segment` at `ordinals` (ascending) to a graph builder, with the links between them.
// A node that loses neighbours chooses new ones among the neighbours of those. It keeps at least links_max
// links if it had as many, so that lists do not become shorter with each merge. Throws std::length_error
// when there is no room.
void adopt(GraphBuilder& builder, const Segment& segment, const std::vector<uint32_t>& ordinals,
           uint32_t threads, Progress& progress);

// Joins the graph over the rows from `first` on to the graph over the rows before. Each new node chooses its
// links among those that it has and the rows that a walk over the old graph finds. The nodes that it chooses
// may link back to it.
void join(GraphBuilder& builder, uint32_t first, uint32_t threads, Progress& progress);

}  // namespace asteroid
