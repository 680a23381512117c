// How long a list in a body is, found before anything is made of its elements.
#pragma once

#include <cstddef>
#include <string_view>

namespace asteroid {

// The elements of the list `field` of the object that `body` is, counted until there are more than `most`.
// What is no such object has as many as were read before that showed: whoever decodes it will say so.
size_t count_elements(std::string_view body, std::string_view field, size_t most);

}  // namespace asteroid
