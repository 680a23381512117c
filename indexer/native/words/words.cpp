#include "words/words.hpp"

#include <algorithm>

namespace asteroid {

void WordReader::lower(std::string_view plain) {
    word_.assign(plain.substr(0, WORD_CHARACTERS_MAX));
    for (char& c : word_)
        if (c >= 'A' && c <= 'Z') c = char(c + ('a' - 'A'));
}

size_t WordReader::read_run(std::string_view text, size_t at) {
    codes_.clear();
    is_cjk_ = false;
    while (at < text.size()) {
        size_t after = at;
        const uint32_t code = next_character(text, after);
        const CharKind kind = kind_of(code);
        const bool is_letter = kind == CharKind::letter || kind == CharKind::cjk;
        if (codes_.empty()) {
            is_cjk_ = kind == CharKind::cjk;
            if (!is_letter) return after;
        } else if (kind == CharKind::other || (is_letter && (kind == CharKind::cjk) != is_cjk_)) {
            break;
        }
        if (kind != CharKind::ignored) append_folded(code, codes_);
        at = after;
    }
    compose(codes_);
    return at;
}

std::string_view WordReader::whole() { return between(0, std::min(codes_.size(), WORD_CHARACTERS_MAX)); }

std::string_view WordReader::between(size_t first, size_t last) {
    word_.clear();
    last = std::min(last, first + WORD_CHARACTERS_MAX);
    for (size_t i = first; i < last; ++i) append_utf8(codes_[i], word_);
    return word_;
}

}  // namespace asteroid
