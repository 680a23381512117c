#include "parts/rows.hpp"

#include <cstring>
#include <mutex>
#include <new>
#include <stdexcept>

namespace asteroid {

Rows::Rows(const Shape& shape, uint32_t capacity, bool has_names)
    : shape_(shape),
      stride_(row_bytes(shape)),
      capacity_(capacity),
      has_names_(has_names),
      chunks_((size_t(capacity) + CHUNK_ROWS - 1) / CHUNK_ROWS) {}

template <>
uint64_t Rows::key_of<uint64_t>(uint32_t row) const {
    return chunk_of(row).ids[row % CHUNK_ROWS];
}

template <>
std::string_view Rows::key_of<std::string_view>(uint32_t row) const {
    return chunk_of(row).names[row % CHUNK_ROWS];
}

void Rows::add_chunk(uint32_t index) {
    if (chunks_[index].records) return;
    // Zeros that the system gives when they are first touched, so that rows without a record take none.
    auto* const records = static_cast<uint8_t*>(std::calloc(CHUNK_ROWS, stride_));
    if (records == nullptr) throw std::bad_alloc();
    Chunk chunk{decltype(Chunk::records)(records), nullptr, nullptr,
                std::make_unique<uint32_t[]>(CHUNK_ROWS)};
    if (has_names_)
        chunk.names = std::make_unique<std::string_view[]>(CHUNK_ROWS);
    else
        chunk.ids = std::make_unique<uint64_t[]>(CHUNK_ROWS);
    chunks_[index] = std::move(chunk);
}

template <class Key>
uint32_t Rows::append_rows(const Key* keys, const uint8_t* rows, uint32_t n, const bool* bare) {
    if (n > capacity_ - count_) throw std::length_error("the block is full");
    const uint32_t first = count_;
    for (uint32_t row = first; row < first + n; ++row) {
        add_chunk(row / CHUNK_ROWS);
        if (bare == nullptr || !bare[row - first]) {
            std::memcpy(chunk_of(row).records.get() + size_t(row % CHUNK_ROWS) * stride_, rows, stride_);
            rows += stride_;
        }
        set_key(row, keys[row - first]);
    }
    return first;
}

uint32_t Rows::append(const uint64_t* ids, const uint8_t* rows, uint32_t n, const bool* bare) {
    const uint32_t first = append_rows(ids, rows, n, bare);
    publish(newest_by_id_, n);
    return first;
}

uint32_t Rows::append(const std::string_view* names, const uint8_t* rows, uint32_t n, const bool* bare) {
    const uint32_t first = append_rows(names, rows, n, bare);
    name_bytes_ = arena_.bytes();
    publish(newest_by_name_, n);
    return first;
}

// Lets rows that are in their places be found and counted.
template <class Map>
void Rows::publish(Map& newest, uint32_t n) {
    const uint32_t first = count_;
    const std::unique_lock guard(by_id_lock_);
    uint32_t noted = 0;
    try {
        for (; noted < n; ++noted) note(newest, first + noted);
    } catch (...) {  // no memory: rows beyond the count do no harm, ways to them would
        while (noted-- > 0) forget(newest, first + noted);
        throw;
    }
    count_ += n;
}

template <class Map>
void Rows::note(Map& newest, uint32_t row) {
    const auto [slot, is_new] = newest.try_emplace(key_of<typename Map::key_type>(row), row);
    chunk_of(row).previous[row % CHUNK_ROWS] = is_new ? NO_NODE : slot->second;
    slot->second = row;
}

template <class Map>
void Rows::forget(Map& newest, uint32_t row) {
    const auto slot = newest.find(key_of<typename Map::key_type>(row));
    const uint32_t before = chunk_of(row).previous[row % CHUNK_ROWS];
    if (before == NO_NODE)
        newest.erase(slot);
    else
        slot->second = before;
}

}  // namespace asteroid
