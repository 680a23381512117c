#include "columns/text_list.hpp"

#include <algorithm>
#include <utility>

namespace asteroid {
namespace {

constexpr size_t WORD_BYTES = 8;

// How many bytes all of them begin with alike.
size_t common_bytes(const std::vector<std::string_view>& texts) {
    size_t common = texts.empty() ? 0 : texts.front().size();
    for (const std::string_view text : texts) {
        common = std::min(common, text.size());
        while (text.substr(0, common) != texts.front().substr(0, common)) --common;
    }
    return common;
}

// The bytes from `at` on, as a number that orders as they do.
uint64_t word_at(std::string_view text, size_t at) {
    uint64_t word = 0;
    for (size_t i = at; i < at + WORD_BYTES; ++i) word = word << 8 | (i < text.size() ? uint8_t(text[i]) : 0);
    return word;
}

}  // namespace

TextList::TextList(const std::vector<std::string_view>& texts) {
    // The eight bytes after those that all begin with decide most comparisons.
    const size_t common = common_bytes(texts);
    std::vector<std::pair<uint64_t, std::string_view>> sorted;
    sorted.reserve(texts.size());
    for (const std::string_view text : texts) sorted.emplace_back(word_at(text, common), text);
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    size_t bytes = 0;
    for (const auto& [word, text] : sorted) bytes += text.size();
    text_.reserve(bytes);
    ends_.reserve(sorted.size());
    for (const auto& [word, text] : sorted) {
        text_ += text;
        ends_.push_back(uint32_t(text_.size()));
    }
}

}  // namespace asteroid
