// The names of a segment, sorted by their bytes, as they lie in its mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "names/names.hpp"

namespace asteroid {

// The file may be damaged while it is mapped: what is read from it is checked before it is used.
struct NameTable {
    const uint8_t* ends = nullptr;  // u64 × rows: where each name ends in the text
    const uint8_t* text = nullptr;
    uint64_t text_bytes = 0;
    const uint8_t* filter = nullptr;
    size_t filter_bytes = 0;
    uint32_t rows = 0;

    // The name of a rank; an empty one when the table is damaged there.
    std::string_view at(uint32_t rank) const;
    // The first rank whose name is not before this one; `rows` when there is none.
    uint32_t lower_bound(std::string_view name) const;
    // The rank of a name, or -1.
    int64_t find(std::string_view name) const;
};

// Checks the text of a table, which comes in pieces: that its names are names, and that each is greater than
// the one before.
class NameCheck {
  public:
    NameCheck(const uint64_t* ends, size_t names) : ends_(ends), names_(names) {}

    // False once something is wrong.
    bool feed(std::string_view piece);
    // Whether the text ended where the last name does.
    bool is_whole() const { return next_ == names_ && begun_bytes_ == 0; }

  private:
    bool take(std::string_view name);

    const uint64_t* ends_;
    size_t names_;
    size_t next_ = 0;
    uint64_t at_ = 0;                // of the text, where the next piece begins
    size_t begun_bytes_ = 0;         // of a name whose rest is in the next piece
    char begun_[NAME_BYTES_MAX];
    size_t before_bytes_ = 0;
    char before_[NAME_BYTES_MAX];
};

}  // namespace asteroid
