// The keys of a column of strings, one after the other, and where strings stand among them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "columns/text_list.hpp"

namespace asteroid {

class TextKeys {
  public:
    // `ends` are where each of the `count` keys ends in `text`; they do not descend.
    TextKeys(const char* text, const int64_t* ends, size_t count) : text_(text), ends_(ends), count_(count) {}

    std::string_view operator[](size_t key) const {
        const int64_t begin = key ? ends_[key - 1] : 0;
        return {text_ + begin, size_t(ends_[key] - begin)};
    }

    // The last key that is not above the beginning of each string, cut to `key_bytes`; -1 where all keys are.
    // Also whether it equals that beginning.
    void places_of(const TextList& wanted, size_t key_bytes, int64_t* places,
                   bool* is_equal) const;

  private:
    const char* text_;
    const int64_t* ends_;
    size_t count_;
};

}  // namespace asteroid
