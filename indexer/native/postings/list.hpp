// The postings of one term: which rows have it, how often and where.
//
//   rows      := (gap << 1 | is_often, times?)*   varints; the gap to the row before, less 1; times - 2
//   positions := (gap …)*                         varints; for each row the first position, then gaps
//   skips     := (last row u32, rows_end u32, positions_end u32, times_max u16, length_min u16)*
//
// A list of more than BLOCK_ROWS rows has a skip for each block of so many. The bytes may lie in a mapped
// file that has changed since it was checked: nothing beyond their end is read.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "parts/part.hpp"

namespace asteroid {

constexpr uint32_t BLOCK_ROWS = 128;

struct Skip {
    uint32_t last_row, rows_end, positions_end;
    uint16_t times_max, length_min;  // 65,535 stands for as many or more
};
static_assert(sizeof(Skip) == 16);

struct PostingList {
    const uint8_t* rows = nullptr;
    const uint8_t* rows_end = nullptr;
    const uint8_t* positions = nullptr;
    const uint8_t* positions_end = nullptr;
    const uint8_t* skips = nullptr;
    uint32_t count = 0;  // rows that have the term, dead ones too

    uint32_t blocks() const { return skips ? (count + BLOCK_ROWS - 1) / BLOCK_ROWS : 0; }
    Skip skip(uint32_t block) const {
        Skip found;
        std::memcpy(&found, skips + size_t(block) * sizeof(Skip), sizeof(Skip));
        return found;
    }
};

inline uint32_t read_varint(const uint8_t*& at, const uint8_t* end) {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (at == end) break;
        const uint8_t byte = *at++;
        value |= uint32_t(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    throw DamagedSegment("postings end within a number");
}

inline void append_varint(std::vector<uint8_t>& out, uint32_t value) {
    for (; value > 0x7f; value >>= 7) out.push_back(uint8_t(value | 0x80));
    out.push_back(uint8_t(value));
}

// Walks along a list. It is before the first row until next() or seek() has been called.
class Cursor {
  public:
    explicit Cursor(const PostingList& list)
        : list_(list), at_(list.rows), position_at_(list.positions), left_(list.count) {}

    uint32_t row() const { return row_; }
    uint32_t times() const { return times_; }

    // The next row; false when there is none.
    bool next() {
        if (left_ == 0) return is_over_ = true, false;
        const uint32_t head = read_varint(at_, list_.rows_end);
        unread_ += times_;
        row_ += (head >> 1) + 1;
        times_ = head & 1 ? 2 + read_varint(at_, list_.rows_end) : 1;
        --left_;
        return true;
    }

    // The first row from `row` on, counted from where it is; false when there is none.
    bool seek(uint32_t row) {
        if (is_over_) return false;
        if (has_begun() && row_ >= row) return true;
        if (list_.skips) skip_to(row);
        while (next())
            if (row_ >= row) return true;
        return false;
    }

    // Goes to the beginning of a block, before its first row.
    void enter(uint32_t block) {
        if (block == 0) {
            *this = Cursor(list_);
            return;
        }
        const Skip before = list_.skip(block - 1);
        if (before.rows_end > uint64_t(list_.rows_end - list_.rows) ||
            before.positions_end > uint64_t(list_.positions_end - list_.positions))
            throw DamagedSegment("a skip leads out of its postings");
        at_ = list_.rows + before.rows_end;
        position_at_ = list_.positions + before.positions_end;
        row_ = before.last_row;
        times_ = unread_ = 0;
        left_ = list_.count - block * BLOCK_ROWS;
        is_over_ = false;
    }

    // Where the term stands in the present row, ascending.
    void positions(std::vector<uint32_t>& out) {
        for (; unread_ > 0; --unread_) read_varint(position_at_, list_.positions_end);
        out.clear();
        const uint8_t* at = position_at_;
        uint32_t position = 0;
        for (uint32_t i = 0; i < times_; ++i) out.push_back(position += read_varint(at, list_.positions_end));
    }

  private:
    bool has_begun() const { return left_ < list_.count; }

    void skip_to(uint32_t row) {
        const uint32_t here = has_begun() ? (list_.count - left_ - 1) / BLOCK_ROWS : 0;
        if (list_.skip(here).last_row >= row) return;
        uint32_t low = here + 1, high = list_.blocks() - 1;  // in the last block it is looked for in any case
        while (low < high) {
            const uint32_t middle = (low + high) / 2;
            if (list_.skip(middle).last_row >= row)
                high = middle;
            else
                low = middle + 1;
        }
        if (low > here && low < list_.blocks()) enter(low);
    }

    PostingList list_;
    const uint8_t* at_;
    const uint8_t* position_at_;
    uint32_t left_;
    uint32_t row_ = uint32_t(-1);
    uint32_t times_ = 0;
    uint32_t unread_ = 0;  // positions of rows before the present one that were passed over
    bool is_over_ = false;
};

}  // namespace asteroid
