#include "json/numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace asteroid {

namespace {

// Python converts no longer integer between text and number (sys.int_info.default_max_str_digits).
constexpr size_t INTEGER_CHARS_MAX = 4300;
// The least magnitude that rounds to infinity in float32: halfway from the largest one to 2^128.
constexpr double FLOAT32_OVERFLOW = 0x1.ffffffp127;

// The power of ten of the first digit that is not zero, and so the side on which a number is out of range.
// from_chars does not tell overflow from underflow.
bool is_tiny(std::string_view number) {
    const size_t mantissa_end = std::min(number.find_first_of("eE"), number.size());
    const std::string_view mantissa = number.substr(0, mantissa_end);
    const size_t first = mantissa.find_first_of("123456789");
    if (first == std::string_view::npos) return true;
    const size_t point = std::min(mantissa.find('.'), mantissa.size());
    const int64_t leading = first < point ? int64_t(point - first) - 1 : -int64_t(first - point);

    std::string_view digits = number.substr(mantissa_end);
    digits.remove_prefix(std::min(digits.size(), digits.find_first_of("0123456789")));
    const bool negative = mantissa_end + 1 < number.size() && number[mantissa_end + 1] == '-';
    constexpr int64_t BEYOND_ANY_BODY = int64_t(1) << 50;
    int64_t exponent = 0;
    for (const char digit : digits) exponent = std::min(exponent * 10 + (digit - '0'), BEYOND_ANY_BODY);
    return leading + (negative ? -exponent : exponent) < 0;
}

// Nothing when it overflows.
std::optional<double> double_of(std::string_view number) {
    double value = 0;
    const char* end = number.data() + number.size();
    const auto [stopped, error] = std::from_chars(number.data(), end, value);
    if (error == std::errc::result_out_of_range) {
        if (!is_tiny(number)) return std::nullopt;
        return number.front() == '-' ? -0.0 : 0.0;
    }
    if (error != std::errc() || stopped != end || !std::isfinite(value)) return std::nullopt;
    return value;
}

}  // namespace

std::optional<float> float32_of(std::string_view number) {
    const std::optional<double> value = double_of(number);
    if (!value || std::fabs(*value) >= FLOAT32_OVERFLOW) return std::nullopt;
    return float(*value);
}

double nearest_double(std::string_view number) {
    constexpr double INFINITE = std::numeric_limits<double>::infinity();
    const std::optional<double> value = double_of(number);
    if (!value) return number.front() == '-' ? -INFINITE : INFINITE;
    return *value + 0.0;
}

std::optional<uint64_t> id_of(std::string_view text) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    uint64_t id = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, id);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return id;
}

bool is_readable(std::string_view number) {
    const bool integer = number.find_first_of(".eE") == std::string_view::npos;
    return integer ? number.size() <= INTEGER_CHARS_MAX : double_of(number).has_value();
}

}  // namespace asteroid
