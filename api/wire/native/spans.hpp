// Where the fields of an object, and the elements of an array, lie in a body.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bodies.hpp"

namespace asteroid {

struct FieldSpans {
    std::vector<std::string> names;  // without escapes
    Spans values;
};

// The fields of the object that the whole body is. Values are checked; a field given twice is an error.
FieldSpans read_fields(std::string_view body);

// The elements of the array that the whole text is, `most` at most. Elements are checked, and no object in
// them may have a key twice.
Spans read_elements(std::string_view text, size_t most);

}  // namespace asteroid
