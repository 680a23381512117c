// The words of a text: runs of letters, digits and marks, in compatibility form and without case. Characters
// of Chinese, Japanese and Korean make a word of each two neighbours, or of one that stands alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "words/unicode.hpp"

namespace asteroid {

// Raised whenever the same text would give other words or stems.
constexpr uint32_t ANALYSER_VERSION = 1;
// Characters by which words are told apart; a word of more is cut.
constexpr size_t WORD_CHARACTERS_MAX = 63;
constexpr size_t WORD_BYTES_MAX = 4 * WORD_CHARACTERS_MAX;

class WordReader {
  public:
    // Calls take(word, is_cjk) for each word in order; a word is good until the call is over.
    template <class Take>
    void read(std::string_view text, const Take& take) {
        for (size_t at = 0; at < text.size();) {
            const uint8_t byte = uint8_t(text[at]);
            if (byte < 0x80 && !is_plain(byte)) {
                ++at;
                continue;
            }
            const size_t end = plain_end(text, at);
            if (end > at && (end == text.size() || uint8_t(text[end]) < 0x80)) {
                lower(text.substr(at, end - at));
                take(std::string_view(word_), false);
                at = end;
                continue;
            }
            at = read_run(text, at);
            if (is_cjk_)
                each_pair(take);
            else if (!codes_.empty())
                take(whole(), false);
        }
    }

  private:
    static bool is_plain(uint8_t byte) {
        return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
    }
    static size_t plain_end(std::string_view text, size_t at) {
        while (at < text.size() && is_plain(uint8_t(text[at]))) ++at;
        return at;
    }
    void lower(std::string_view plain);
    // Reads a run of characters of one kind into codes_, or one that belongs to no word; gives where it ends.
    size_t read_run(std::string_view text, size_t at);
    std::string_view whole();
    std::string_view between(size_t first, size_t last);

    template <class Take>
    void each_pair(const Take& take) {
        // A mark goes with the character before it.
        starts_.clear();
        for (size_t i = 0; i < codes_.size(); ++i)
            if (i == 0 || kind_of(codes_[i]) != CharKind::mark) starts_.push_back(i);
        starts_.push_back(codes_.size());
        const size_t characters = starts_.size() - 1;
        if (characters == 1) take(between(0, codes_.size()), true);
        for (size_t i = 0; i + 1 < characters; ++i) take(between(starts_[i], starts_[i + 2]), true);
    }

    std::string word_;
    std::vector<uint32_t> codes_;
    std::vector<size_t> starts_;
    bool is_cjk_ = false;
};

}  // namespace asteroid
