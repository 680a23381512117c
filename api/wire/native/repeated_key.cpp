#include "repeated_key.hpp"

#include <algorithm>

#include "json/reader.hpp"

namespace asteroid {

namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// The place of the quote that ends the string whose first byte is at `at`.
size_t end_of_string(std::string_view text, size_t at) {
    while (text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    return at;
}

}  // namespace

std::optional<std::string> RepeatedKeyFinder::find(std::string_view checked) {
    keys_.clear();
    objects_.clear();
    unescaped_.clear();
    for (size_t at = 0; at < checked.size(); ++at) {
        const char c = checked[at];
        if (c == '{') {
            objects_.push_back(keys_.size());
        } else if (c == '}') {
            if (auto repeated = repeated_from(objects_.back())) return repeated;
            keys_.resize(objects_.back());
            objects_.pop_back();
        } else if (c == '"') {
            const size_t from = at + 1;
            at = end_of_string(checked, from);
            size_t next = at + 1;
            while (next < checked.size() && is_space(checked[next])) ++next;
            if (next < checked.size() && checked[next] == ':')
                keys_.push_back(plain(checked.substr(from, at - from)));
        }
    }
    return std::nullopt;
}

// Sorted, so that no text costs a time that grows with the square of the number of its keys.
std::optional<std::string> RepeatedKeyFinder::repeated_from(size_t first) {
    std::sort(keys_.begin() + std::ptrdiff_t(first), keys_.end());
    const auto repeated = std::adjacent_find(keys_.begin() + std::ptrdiff_t(first), keys_.end());
    return repeated == keys_.end() ? std::nullopt : std::optional(std::string(*repeated));
}

std::string_view RepeatedKeyFinder::plain(std::string_view key) {
    return key.find('\\') == std::string_view::npos ? key : unescaped_.emplace_back(unescape(key));
}

}  // namespace asteroid
