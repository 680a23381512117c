// Links that lead farther than to the nearest points. Where points lie in small groups, all that is near is
// of the same group or the next one, and a search that needs more than these hold would not find the others.
#pragma once

#include "build/partition.hpp"

namespace asteroid {

// Compares a sample of the points among themselves, then a sample of these, and so on. The neighbours that a
// point has there are added to its pool as far as they lie in other directions, at most `most` in all. Points
// that are inserted early into an HNSW graph get such links, for there is nothing nearer yet. The pools must
// have been pruned.
void add_long_links(const Points& points, Pools& pools, uint32_t most, uint32_t threads, Progress& progress);

}  // namespace asteroid
