// A key that an object of a JSON text has twice.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asteroid {

// Looks through texts that a JsonReader has checked; keeps its memory from text to text.
class RepeatedKeyFinder {
public:
    // One such key, without escapes; nothing when there is none.
    std::optional<std::string> find(std::string_view checked);

private:
    std::optional<std::string> repeated_from(size_t first);
    std::string_view plain(std::string_view key);

    std::vector<std::string_view> keys_;  // of the objects that are open, the outermost first
    std::vector<size_t> objects_;         // where in `keys_` those of each begin
    std::deque<std::string> unescaped_;
};

}  // namespace asteroid
