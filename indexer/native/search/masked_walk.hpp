// The walk over a segment for nodes in a mask only.
#pragma once

#include "parts/segment.hpp"
#include "search/walk.hpp"

namespace asteroid {

// Share of matching rows below which two hops lead past too many of them: from there on a walk's ef grows as
// the share falls.
constexpr double SPARSE_SHARE = 0.05;

// Leaves up to `ef` of the nearest nodes in `mask`, of which there are `matches`, in scratch.pool. False
// when the budget of measured nodes is spent before the pool is sure: the caller then scans.
bool walk_masked(const Segment& segment, const Anchor& anchor, uint32_t ef, const Mask& mask,
                 uint32_t matches, Scratch& scratch);

}  // namespace asteroid
