// Asking for memory before it is read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "parts/layout.hpp"

namespace asteroid {

inline void prefetch(const void* start, size_t bytes) {
    for (size_t at = 0; at < bytes; at += CACHE_LINE)
        __builtin_prefetch(static_cast<const uint8_t*>(start) + at);
}

}  // namespace asteroid
