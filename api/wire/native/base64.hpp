// Base64 of RFC 4648 with padding, read strictly: no other character, no bits that stand for nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace asteroid {

// How many bytes a text of that form stands for, by its length and padding alone; nothing for any other text.
std::optional<size_t> base64_bytes(std::string_view text);

// Writes these bytes to `out`; false for a text that is not base64.
bool decode_base64(std::string_view text, uint8_t* out);

}  // namespace asteroid
