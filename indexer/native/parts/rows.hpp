// The tail: records in RAM in the order they were written, appended by one thread and read by many.
#pragma once

#include <atomic>
#include <cstdlib>
#include <memory>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "names/name_arena.hpp"
#include "parts/part.hpp"

namespace asteroid {

class Rows final : public Part {
  public:
    Rows(const Shape& shape, uint32_t capacity, bool has_names);

    const Shape& shape() const override { return shape_; }
    uint32_t rows() const override { return count_; }
    uint64_t id(uint32_t row) const override {
        return has_names_ ? row : chunk_of(row).ids[row % CHUNK_ROWS];
    }
    bool has_names() const override { return has_names_; }
    bool has_ranks() const override { return false; }
    std::string_view name(uint32_t row) const override { return chunk_of(row).names[row % CHUNK_ROWS]; }
    const uint8_t* record(uint32_t row) const override {
        return chunk_of(row).records.get() + size_t(row % CHUNK_ROWS) * stride_;
    }
    const uint8_t* fine(uint32_t row) const override {
        return shape_.has_fine ? record(row) + record_bytes(shape_) : nullptr;
    }
    size_t stride() const { return stride_; }
    uint32_t capacity() const { return capacity_; }

    // Appends `n` rows (records, each with its residual if there is one); returns the row of the first.
    // Where `bare` is given, `rows` has a record only for those that are false there. The memory of the
    // others is zeros, and not touched. Throws std::length_error beyond the capacity; whatever it throws,
    // nothing has changed then.
    uint32_t append(const uint64_t* ids, const uint8_t* rows, uint32_t n, const bool* bare = nullptr);
    uint32_t append(const std::string_view* names, const uint8_t* rows, uint32_t n,
                    const bool* bare = nullptr);

    // The newest row below `visible` that holds this id, or -1. Readers of an older snapshot pass
    // their own row count and are not disturbed by later rows.
    int64_t find(uint64_t id, uint32_t visible) const { return find_in(newest_by_id_, id, visible); }
    int64_t find(std::string_view name, uint32_t visible) const {
        return find_in(newest_by_name_, name, visible);
    }
    // Memory of all names.
    size_t name_bytes() const { return name_bytes_; }

  private:
    static constexpr uint32_t CHUNK_ROWS = 1024;

    struct FreeMemory {
        void operator()(uint8_t* memory) const { std::free(memory); }
    };

    // Chunks never move, so a reader's pointers stay good while the writer appends.
    struct Chunk {
        std::unique_ptr<uint8_t[], FreeMemory> records;
        std::unique_ptr<uint64_t[]> ids;            // of rows without names,
        std::unique_ptr<std::string_view[]> names;  // and of those with names
        std::unique_ptr<uint32_t[]> previous;  // the row before with the same id
    };

    const Chunk& chunk_of(uint32_t row) const { return chunks_[row / CHUNK_ROWS]; }
    void add_chunk(uint32_t index);
    template <class Key>
    uint32_t append_rows(const Key* keys, const uint8_t* rows, uint32_t n, const bool* bare);
    void set_key(uint32_t row, uint64_t id) { chunk_of(row).ids[row % CHUNK_ROWS] = id; }
    void set_key(uint32_t row, std::string_view name) {
        chunk_of(row).names[row % CHUNK_ROWS] = arena_.keep(name);
    }
    template <class Key>
    Key key_of(uint32_t row) const;
    template <class Map>
    void publish(Map& newest, uint32_t n);
    template <class Map>
    void note(Map& newest, uint32_t row);  // makes a row the newest of its id
    template <class Map>
    void forget(Map& newest, uint32_t row);  // undoes that
    template <class Map>
    int64_t find_in(const Map& newest, const typename Map::key_type& key, uint32_t visible) const {
        const std::shared_lock guard(by_id_lock_);
        const auto slot = newest.find(key);
        if (slot == newest.end()) return -1;
        uint32_t row = slot->second;
        while (row != NO_NODE && row >= visible) row = chunk_of(row).previous[row % CHUNK_ROWS];
        return row == NO_NODE ? -1 : int64_t(row);
    }

    Shape shape_;
    size_t stride_;
    uint32_t capacity_;
    bool has_names_;
    std::atomic<uint32_t> count_{0};  // readers go by the row count of their snapshot
    std::vector<Chunk> chunks_;
    mutable std::shared_mutex by_id_lock_;
    std::unordered_map<uint64_t, uint32_t> newest_by_id_;
    std::unordered_map<std::string_view, uint32_t> newest_by_name_;
    NameArena arena_;
    std::atomic<size_t> name_bytes_{0};  // asked for while rows are added
};

}  // namespace asteroid
