// What request bodies have in common below their shape: ids and vectors.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "body_reader.hpp"

namespace asteroid {

class ValueReader : protected BodyReader {
protected:
    using BodyReader::BodyReader;

    // An integer, or a string of its digits.
    uint64_t id();

    // An array of numbers, or base64 of as many little-endian float32. Appends them to `into`, unless there
    // are more than `most`; gives how many there are.
    size_t vector(std::vector<float>& into, size_t most);

private:
    size_t numbers(std::vector<float>& into, size_t most);
    size_t encoded(std::vector<float>& into, size_t most);
    std::string_view element(size_t index);
};

// The numbers of one vector.
std::vector<float> read_vector(std::string_view text);

// A list of at most `most` ids.
std::vector<uint64_t> read_ids(std::string_view text, size_t most);

}  // namespace asteroid
