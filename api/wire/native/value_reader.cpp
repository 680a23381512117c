#include "value_reader.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>

#include "base64.hpp"
#include "json/numbers.hpp"

static_assert(sizeof(float) == 4 && std::numeric_limits<float>::is_iec559);
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "float32 on the wire is little-endian");

namespace asteroid {

namespace {

std::string element_name(size_t index) { return "element " + std::to_string(index) + " of the vector"; }

}  // namespace

uint64_t ValueReader::id() {
    std::optional<uint64_t> id;
    if (in_.next() == '"') {
        const std::string_view text = in_.string();
        id = text.find('\\') == std::string_view::npos ? id_of(text) : id_of(unescape(text));
    } else {
        // The run as a whole, so that 01, +1 and NaN are ids that are wrong rather than broken JSON.
        const std::string_view word = in_.word();
        if (word.empty()) check_value_starts();
        id = id_of(word);
    }
    if (!id)
        refuse("bad_id", "an id is an integer from 0 to 18446744073709551615, or a string of its digits");
    return *id;
}

size_t ValueReader::vector(std::vector<float>& into, size_t most) {
    switch (in_.next()) {
        case '[': return numbers(into, most);
        case '"': return encoded(into, most);
        default:
            check_value_starts();
            refuse("bad_vector", "a vector is an array of numbers, or base64 of little-endian float32");
    }
}

size_t ValueReader::numbers(std::vector<float>& into, size_t most) {
    in_.expect('[');
    size_t length = 0;
    if (in_.take(']')) return length;
    do {
        in_.next();
        float quickly;
        if (in_.take_float32(quickly)) {
            if (length++ < most) into.push_back(quickly);
            continue;
        }
        const std::string_view number = element(length);
        // A vector that is too long is counted to its end, for the message.
        if (length < most) {
            const std::optional<float> value = float32_of(number);
            if (!value) refuse("bad_vector", element_name(length) + " overflows: " + shown(number));
            into.push_back(*value);
        }
        ++length;
    } while (in_.take(','));
    in_.expect(']');
    return length;
}

std::string_view ValueReader::element(size_t index) {
    const char first = in_.next();
    if (is_digit(first)) return in_.number();
    const std::string_view rest = in_.rest();
    if (first == '-' && (rest.size() < 2 || !is_letter(rest[1]))) return in_.number();
    check_value_starts();
    refuse("bad_vector", element_name(index) + " is not a finite number");
}

size_t ValueReader::encoded(std::vector<float>& into, size_t most) {
    std::string_view text = in_.string();
    std::string plain;
    if (text.find('\\') != std::string_view::npos) text = plain = unescape(text);  // some writers escape '/'
    const std::optional<size_t> bytes = base64_bytes(text);
    if (!bytes) refuse("bad_vector", "the vector is no base64: its length is no multiple of 4");
    if (*bytes % sizeof(float) != 0)
        refuse("bad_vector",
               "the vector has " + std::to_string(*bytes) + " bytes, which is no whole number of float32");
    const size_t length = *bytes / sizeof(float), start = into.size();
    if (length > most) return length;
    into.resize(start + length);
    if (!decode_base64(text, reinterpret_cast<uint8_t*>(into.data() + start)))
        refuse("bad_vector", "the vector is no base64: it has a character or bits that cannot be there");
    for (size_t i = 0; i < length; ++i)
        if (!std::isfinite(into[start + i]))
            refuse("bad_vector", element_name(i) + " is not a finite number");
    return length;
}

namespace {

class OneValue : ValueReader {
public:
    explicit OneValue(std::string_view text) : ValueReader(text, PayloadLimits{}) {}

    std::vector<float> read_vector() {
        std::vector<float> numbers;
        whole([&] { vector(numbers, std::numeric_limits<size_t>::max()); });
        return numbers;
    }

    std::vector<uint64_t> read_ids(size_t most) {
        std::vector<uint64_t> ids;
        whole([&] {
            if (in_.next() != '[') {
                check_value_starts();
                refuse("bad_id", "ids must be a list of ids");
            }
            in_.expect('[');
            if (in_.take(']')) return;
            do {
                if (ids.size() == most)
                    refuse("too_many", "at most " + std::to_string(most) + " ids at once");
                ids.push_back(id());
            } while (in_.take(','));
            in_.expect(']');
        });
        return ids;
    }
};

}  // namespace

std::vector<float> read_vector(std::string_view text) { return OneValue(text).read_vector(); }

std::vector<uint64_t> read_ids(std::string_view text, size_t most) { return OneValue(text).read_ids(most); }

}  // namespace asteroid
