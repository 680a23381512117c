// Making one graph of several: what a merge does instead of building anew.
#pragma once

#include <cstdint>
#include <vector>

#include "build/graph_builder.hpp"
#include "parts/segment.hpp"
#include "threads/parallel.hpp"

namespace asteroid {

// Appends the rows of `segment` at `ordinals` (ascending) to an empty graph builder, with the links between
// them. A node that loses neighbours gets theirs to choose from, and keeps at least links_max links if it had
// as many: degrees must not decay over many merges. Throws std::length_error when there is no room.
void adopt(GraphBuilder& builder, const Segment& segment, const std::vector<uint32_t>& ordinals,
           uint32_t threads, Progress& progress);

// Joins the graph over rows `first` … to the one over the rows before: each new node chooses among its own
// links and what a walk over the old ones finds, and is offered to whom it chose.
void join(GraphBuilder& builder, uint32_t first, uint32_t threads, Progress& progress);

}  // namespace asteroid
