#include "json/numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
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

// Powers of ten that a double holds exactly.
constexpr double TEN_TO[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr size_t FRACTION_MAX = std::size(TEN_TO) - 1;
constexpr size_t DIGITS_MAX = 19;  // 10^19 fits 64 bits

// Takes digits from `at` on into `number`, which may overflow; gives the first byte that is none.
const char* take_digits(const char* at, const char* end, uint64_t& number) {
    while (end - at >= 8) {
        uint64_t eight;
        std::memcpy(&eight, at, sizeof eight);
        const uint64_t values = eight - 0x3030303030303030;
        // A byte is a digit if neither it nor it plus six has anything in its upper half.
        if (((values + 0x0606060606060606) | values) & 0xF0F0F0F0F0F0F0F0) break;
        // The first digit is the lowest byte: pairs, then fours, then all eight.
        const uint64_t pairs = (values * 10 + (values >> 8)) & 0x00FF00FF00FF00FF;
        const uint64_t fours = (pairs * 100 + (pairs >> 16)) & 0x0000FFFF0000FFFF;
        number = number * 100'000'000 + (fours * 10'000 + (fours >> 32)) % (uint64_t(1) << 32);
        at += 8;
    }
    for (; at != end && *at >= '0' && *at <= '9'; ++at) number = number * 10 + uint64_t(*at - '0');
    return at;
}

bool ends_a_number(char c) {
    return c == ',' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

const char* read_plain_float32(const char* at, const char* end, float& value) {
    const bool negative = at != end && *at == '-';
    const char* const whole = at + negative;
    uint64_t number = 0;
    at = take_digits(whole, end, number);
    size_t digits = size_t(at - whole), fraction = 0;
    if (digits == 0 || (digits > 1 && *whole == '0')) return nullptr;
    if (at != end && *at == '.') {
        const char* first = at + 1;
        at = take_digits(first, end, number);
        fraction = size_t(at - first);
        if (fraction == 0 || fraction > FRACTION_MAX) return nullptr;
        if (*whole == '0') {  // zeros that lead count as nothing
            digits = 0;
            while (first != at && *first == '0') ++first;
        }
        digits += size_t(at - first);
    }
    if (at == end || !ends_a_number(*at) || digits > DIGITS_MAX) return nullptr;
    // Two roundings: the nearest double is at most three steps away. Unless a float32 is as near on the other
    // side of one of these steps, both round to the same float32.
    const double near = double(number) / TEN_TO[fraction];
    constexpr uint64_t BELOW_FLOAT = (uint64_t(1) << 29) - 1, HALF = uint64_t(1) << 28, STEPS = 4;
    uint64_t bits;
    std::memcpy(&bits, &near, sizeof bits);
    const uint64_t below = bits & BELOW_FLOAT;
    if (below - (HALF - STEPS) <= 2 * STEPS) return nullptr;
    value = negative ? -float(near) : float(near);
    return at;
}

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
