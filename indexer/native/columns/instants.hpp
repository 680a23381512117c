// Texts that name a moment, as RFC 3339 writes them.
#pragma once

#include <string>

namespace asteroid {

// The second that a `date-time` of RFC 3339 names, counted from the day before 0001-01-01 (UTC), without its
// fraction; a leap second counts as the one before it. False for any other text.
bool instant_second(const std::string& text, double& second);

}  // namespace asteroid
