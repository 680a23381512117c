// The postings of neighbouring rows: what a text index is made of. One that grows, or one in a file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "postings/list.hpp"

namespace asteroid {

constexpr uint32_t RUN_ROWS_MAX = 65536;

// How many words each row has in a field.
struct Lengths {
    const uint8_t* data = nullptr;
    unsigned width = 1;  // bytes of each: 1, 2 or 4

    uint32_t of(uint32_t row) const {
        if (width == 1) return data[row];
        if (width == 2) {
            uint16_t value;
            std::memcpy(&value, data + 2 * size_t(row), 2);
            return value;
        }
        uint32_t value;
        std::memcpy(&value, data + 4 * size_t(row), 4);
        return value;
    }
};

class Run {
  public:
    virtual ~Run() = default;
    virtual uint32_t first() const = 0;  // the number of its first row
    virtual uint32_t rows() const = 0;
    // A term is the number of its field as one byte, then the word. False when no row has it.
    virtual bool find(std::string_view term, PostingList& list) const = 0;
    virtual Lengths lengths(size_t field) const = 0;
};

// Where the parts of a run lie in its file.
struct RunLayout {
    uint32_t first, rows, terms;
    uint64_t groups, words, words_bytes, postings, postings_bytes, positions, positions_bytes;
    std::vector<std::pair<uint64_t, unsigned>> lengths;  // for each field its place and width
};

// Terms in ascending order, in groups of GROUP_TERMS:
//   groups := (words u32, postings u32, positions u32)*      where each group begins in its section
//   words  := (shared u8, more u8, bytes, varint, varint)*   bytes shared with the term before, those that
//                                                            follow; how long its postings and positions are
class FileRun : public Run {
  public:
    static constexpr uint32_t GROUP_TERMS = 16;

    // `base` must stay as long as it does; the caller has seen to it that the parts lie within the file.
    FileRun(const uint8_t* base, const RunLayout& layout) : base_(base), layout_(layout) {}

    uint32_t first() const override { return layout_.first; }
    uint32_t rows() const override { return layout_.rows; }
    bool find(std::string_view term, PostingList& list) const override;
    Lengths lengths(size_t field) const override {
        const auto& [at, width] = layout_.lengths.at(field);
        return {base_ + at, width};
    }

  private:
    struct Group {
        uint32_t words, postings, positions;
    };
    Group group(uint32_t number) const;
    std::string_view first_term(uint32_t number) const;
    PostingList list_at(uint64_t postings, uint32_t size, uint64_t positions, uint32_t positions_size) const;

    const uint8_t* base_;
    RunLayout layout_;
};

}  // namespace asteroid
