// A graph grown row by row with hnswlib: what the tail becomes when it is sealed.
#pragma once

#include "builder/graph_builder.hpp"
#include "threads/parallel.hpp"

namespace asteroid {

// Links all rows as hnswlib's HierarchicalNSW does (Malkov and Yashunin, 2016), over the SQ8 records:
// M = links_max, and a search with `ef_construction` for each row.
void link_by_insertion(GraphBuilder& builder, uint32_t ef_construction, uint32_t threads, Progress& progress);

}  // namespace asteroid
