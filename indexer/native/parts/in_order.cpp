#include "parts/in_order.hpp"

#include <algorithm>

namespace asteroid {

InOrder first_in_order(const Segment& segment, const Mask& mask, std::optional<std::string_view> after,
                       size_t wanted) {
    InOrder found;
    uint32_t rank = 0;
    if (after) {
        rank = segment.names().lower_bound(*after);
        if (rank < segment.rows() && segment.names().at(rank) == *after) ++rank;
    }
    for (; rank < segment.rows() && found.ordinals.size() < wanted; ++rank, ++found.looked_at) {
        const uint32_t ordinal = segment.by_id(rank);
        if (mask.has(ordinal)) found.ordinals.push_back(ordinal);
    }
    return found;
}

InOrder first_in_order(const Rows& rows, uint32_t visible, const Mask& mask,
                       std::optional<std::string_view> after, size_t wanted) {
    InOrder found;
    std::vector<uint32_t>& heap = found.ordinals;  // the greatest first
    const auto before = [&](uint32_t a, uint32_t b) { return rows.name(a) < rows.name(b); };
    for (uint32_t row = 0; row < visible; ++row) {
        if (!mask.has(row) || (after && rows.name(row) <= *after)) continue;
        if (heap.size() == wanted) {
            if (wanted == 0 || !before(row, heap.front())) continue;
            std::pop_heap(heap.begin(), heap.end(), before);
            heap.pop_back();
        }
        heap.push_back(row);
        std::push_heap(heap.begin(), heap.end(), before);
    }
    std::sort_heap(heap.begin(), heap.end(), before);
    found.looked_at = visible;
    return found;
}

}  // namespace asteroid
