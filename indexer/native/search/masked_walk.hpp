// The walk over a segment for nodes in a mask only.
#pragma once

#include "parts/segment.hpp"
#include "search/walk.hpp"

namespace asteroid {

// Share of matching rows below which two hops lead past too many of them: from there on a walk's ef grows as
// the share falls.
constexpr double SPARSE_SHARE = 0.05;

// Leaves at least `ef` of the nearest nodes in `mask`, of which there are `matches`, in scratch.pool. It
// looks farther if the nearest `watched` change near its end. False when it is not sure: the caller scans.
bool walk_masked(const Segment& segment, const Anchor& anchor, uint32_t ef, uint32_t watched,
                 const Mask& mask, uint32_t matches, Scratch& scratch);

}  // namespace asteroid
