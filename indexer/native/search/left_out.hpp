// What a walk measured by first bytes and left out.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/query.hpp"
#include "search/search.hpp"
#include "search/walk.hpp"

namespace asteroid {

// The lowest exact rank below `limit` of the matching rows that the last walk with `scratch` measured by
// first bytes only; infinity if there is none. `settled`: the nodes that were measured exactly; they are
// sorted here.
double nearest_left_out(const PartPlan& plan, const Query& query, std::vector<uint32_t>& settled,
                        double limit, const Scratch& scratch);

}  // namespace asteroid
