// The walk over a segment for nodes in a mask only.
#pragma once

#include "parts/segment.hpp"
#include "search/walk.hpp"

namespace asteroid {

// Leaves up to `ef` of the nearest nodes in `mask`, of which there are `matches`, in scratch.pool. False
// when the budget of measured nodes is spent before the pool is sure: the caller then scans.
bool walk_masked(const Segment& segment, const Anchor& anchor, uint32_t ef, const Mask& mask,
                 uint32_t matches, Scratch& scratch);

}  // namespace asteroid
