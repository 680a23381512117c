// The last step of a build: every node made reachable, an order, and the levels above the ground.
#pragma once

#include "builder/graph_builder.hpp"
#include "threads/parallel.hpp"

namespace asteroid {

// Makes every node reachable, orders the nodes (those of upper levels first, then breadth first, so that
// neighbours lie near each other in the file) and links the upper levels.
void finish(GraphBuilder& builder, uint32_t threads, Progress& progress);

}  // namespace asteroid
