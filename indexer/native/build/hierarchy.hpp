// What makes a draft a segment: every node reachable, an order, and the levels above the ground.
#pragma once

#include "build/graph_builder.hpp"
#include "build/parallel.hpp"

namespace asteroid {

// Each level has about this many times fewer nodes than the one below.
constexpr uint32_t LEVEL_RATIO = 32;
// The highest level has at most so many nodes, and a search begins by measuring all of them.
constexpr uint32_t TOP_NODES_MAX = 64;

// Gives every node of the draft a way in, orders the nodes (those of upper levels first, then breadth
// first, so that neighbours lie near each other in the file) and links the upper levels.
void finish(Draft& draft, uint32_t threads, Progress& progress);

}  // namespace asteroid
