// Ids that are strings, called names here: what one may be, and the order of their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace asteroid {

constexpr size_t NAME_BYTES_MAX = 512;

// Whether a text is well-formed UTF-8 by the Unicode standard's table 3-7: no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

inline bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= NAME_BYTES_MAX && is_utf8(text);
}

// A hash for filters, part of the format of segments. It stands for no name: what it finds is compared.
uint64_t name_hash(std::string_view name);

}  // namespace asteroid
