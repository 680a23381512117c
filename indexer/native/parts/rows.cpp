#include "parts/rows.hpp"

#include <cstring>
#include <mutex>
#include <stdexcept>

namespace asteroid {

Rows::Rows(const Shape& shape, uint32_t capacity)
    : shape_(shape),
      stride_(row_bytes(shape)),
      capacity_(capacity),
      chunks_((size_t(capacity) + CHUNK_ROWS - 1) / CHUNK_ROWS) {}

void Rows::add_chunk(uint32_t index) {
    if (chunks_[index].records) return;
    Chunk chunk{std::make_unique<uint8_t[]>(size_t(CHUNK_ROWS) * stride_),
                std::make_unique<uint64_t[]>(CHUNK_ROWS), std::make_unique<uint32_t[]>(CHUNK_ROWS)};
    chunks_[index] = std::move(chunk);
}

uint32_t Rows::append(const uint64_t* ids, const uint8_t* rows, uint32_t n) {
    if (n > capacity_ - count_) throw std::length_error("the block is full");
    const uint32_t first = count_;
    for (uint32_t i = 0; i < n; ++i) {
        const uint32_t row = first + i;
        add_chunk(row / CHUNK_ROWS);
        Chunk& chunk = chunks_[row / CHUNK_ROWS];
        chunk.ids[row % CHUNK_ROWS] = ids[i];
        std::memcpy(chunk.records.get() + size_t(row % CHUNK_ROWS) * stride_, rows + i * stride_, stride_);
    }
    const std::unique_lock guard(by_id_lock_);
    uint32_t named = 0;
    try {
        for (; named < n; ++named) name(first + named);
    } catch (...) {  // no memory: rows beyond the count do no harm, names of them would
        while (named-- > 0) unname(first + named);
        throw;
    }
    count_ += n;
    return first;
}

void Rows::name(uint32_t row) {
    Chunk& chunk = chunks_[row / CHUNK_ROWS];
    const auto [slot, is_new] = newest_by_id_.try_emplace(chunk.ids[row % CHUNK_ROWS], row);
    chunk.previous[row % CHUNK_ROWS] = is_new ? NO_NODE : slot->second;
    slot->second = row;
}

void Rows::unname(uint32_t row) {
    const Chunk& chunk = chunk_of(row);
    const auto slot = newest_by_id_.find(chunk.ids[row % CHUNK_ROWS]);
    const uint32_t before = chunk.previous[row % CHUNK_ROWS];
    if (before == NO_NODE)
        newest_by_id_.erase(slot);
    else
        slot->second = before;
}

int64_t Rows::find(uint64_t id, uint32_t visible) const {
    const std::shared_lock guard(by_id_lock_);
    const auto slot = newest_by_id_.find(id);
    if (slot == newest_by_id_.end()) return -1;
    uint32_t row = slot->second;
    while (row != NO_NODE && row >= visible) row = chunk_of(row).previous[row % CHUNK_ROWS];
    return row == NO_NODE ? -1 : int64_t(row);
}

}  // namespace asteroid
