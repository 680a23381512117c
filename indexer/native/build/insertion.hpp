// A graph grown row by row with hnswlib: what the tail becomes when it is sealed.
#pragma once

#include "build/graph_builder.hpp"
#include "build/parallel.hpp"

namespace asteroid {

// Links all rows of the draft as hnswlib's HierarchicalNSW does (Malkov and Yashunin, 2016), over the SQ8
// records: M = links_max, and a search of breadth `ef_construction` for each row.
void link_by_insertion(Draft& draft, uint32_t ef_construction, uint32_t threads, Progress& progress);

}  // namespace asteroid
