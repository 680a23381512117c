// Rows with names in the order of these names.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "parts/rows.hpp"
#include "parts/segment.hpp"

namespace asteroid {

struct InOrder {
    std::vector<uint32_t> ordinals;  // ascending by name
    uint64_t looked_at = 0;          // rows
};

// The first `wanted` rows among those of the mask whose names are greater than `after`, or of all. Throws
// DamagedSegment.
InOrder first_in_order(const Segment& segment, const Mask& mask, std::optional<std::string_view> after,
                       size_t wanted);
InOrder first_in_order(const Rows& rows, uint32_t visible, const Mask& mask,
                       std::optional<std::string_view> after, size_t wanted);

}  // namespace asteroid
