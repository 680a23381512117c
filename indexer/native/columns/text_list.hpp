// Many strings, each once and in ascending order, to be looked up in columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace asteroid {

class TextList {
  public:
    // Copies the strings, of fewer than 4 GiB together.
    explicit TextList(const std::vector<std::string_view>& texts);

    size_t size() const { return ends_.size(); }
    std::string_view operator[](size_t i) const {
        const uint32_t begin = i ? ends_[i - 1] : 0;
        return {text_.data() + begin, ends_[i] - begin};
    }

  private:
    std::string text_;  // one after the other
    std::vector<uint32_t> ends_;
};

}  // namespace asteroid
