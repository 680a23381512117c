// What the text of a JSON number, already checked against the grammar, is worth.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace asteroid {

// Nothing when it overflows; what is too small for a float32 becomes a denormal or zero.
std::optional<float> float32_of(std::string_view number);

// Reads a number as they mostly are: at most 19 digits that count, no exponent, and ',', ']' or white space
// behind it. Gives its end, and the same value as float32_of; nullptr for anything else, which may be right.
const char* read_plain_float32(const char* at, const char* end, float& value);

// Decimal digits without leading zeros that fit 64 bits, or nothing; takes any text.
std::optional<uint64_t> id_of(std::string_view text);

// The double nearest to it; infinity when it overflows. −0 is 0.
double nearest_double(std::string_view number);

// Whether every reader of stored JSON can hold it: a fraction within a double, an integer of bounded length.
bool is_readable(std::string_view number);

}  // namespace asteroid
