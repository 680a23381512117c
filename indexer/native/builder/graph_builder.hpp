// A segment before it is written: rows with their links in one flat table, first unordered, then ordered.
//
// The table lies in memory, or in a scratch file that the kernel may write back, so that a graph larger than
// the memory budget can be built.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "parts/part.hpp"
#include "quant/distance.hpp"

namespace asteroid {

// One level above the ground over the nodes 0 … count − 1 of the final order: (count u32 | node u32 × M)
// for each; empty for the highest, which is scanned.
struct UpperLevel {
    uint32_t count;
    std::vector<uint32_t> links;
};

class GraphBuilder final {
  public:
    // Room for `capacity` rows with 2·links_max links each. With a `folder` the table is a nameless file
    // there. Throws std::system_error when there is no room.
    GraphBuilder(const Shape& shape, uint32_t capacity, uint32_t links_max, const std::string& folder);
    ~GraphBuilder();
    GraphBuilder(const GraphBuilder&) = delete;
    GraphBuilder& operator=(const GraphBuilder&) = delete;

    const Shape& shape() const { return shape_; }
    // How rows are compared with each other.
    Space space() const { return build_space(shape_, longest_); }
    uint32_t rows() const { return rows_; }
    uint32_t capacity() const { return capacity_; }
    uint32_t links_max() const { return links_max_; }
    size_t stride() const { return stride_; }  // bytes from one list to the next
    uint32_t ground_links_max() const { return 2 * links_max_; }

    // Appends rows without links; throws std::length_error beyond the capacity.
    void append(const uint64_t* ids, const uint8_t* rows, uint32_t n);

    // Gives the rows from `first` on other ids.
    void rename(uint32_t first, const uint64_t* ids) {
        std::copy(ids, ids + (rows_ - first), ids_.begin() + first);
    }

    uint64_t id(uint32_t row) const { return ids_[row]; }
    const uint8_t* record(uint32_t row) const { return entry(row); }
    const uint8_t* fine(uint32_t row) const { return entry(row) + record_bytes(shape_); }
    uint32_t* list(uint32_t row) {  // count, then the links
        return reinterpret_cast<uint32_t*>(entry(row) + row_bytes(shape_));
    }
    Links links(uint32_t row) const {
        const uint32_t* at = reinterpret_cast<const uint32_t*>(entry(row) + row_bytes(shape_));
        return {at + 1, at[0]};
    }
    void prefetch_links(uint32_t row) const { __builtin_prefetch(entry(row) + row_bytes(shape_)); }

    // What order() of hierarchy.hpp decides.
    std::vector<uint32_t> row_at;   // final ordinal → row
    std::vector<uint32_t> place_of; // and back
    std::vector<UpperLevel> upper;  // level 1 first
    bool is_joined = false;         // whether parts that were linked by themselves have been joined
    uint32_t repaired = 0;          // nodes that had to be given a way in

    // What a segment stores, by final ordinal.
    size_t node_bytes() const;
    uint64_t id_at(uint32_t ordinal) const { return ids_[row_at[ordinal]]; }
    void write_nodes(uint32_t first, uint32_t n, uint8_t* out) const;
    void write_fine(uint32_t first, uint32_t n, uint8_t* out) const;

  private:
    uint8_t* entry(uint32_t row) { return table_ + size_t(row) * stride_; }
    const uint8_t* entry(uint32_t row) const { return table_ + size_t(row) * stride_; }
    void map(const std::string& folder);

    Shape shape_;
    uint32_t capacity_;
    uint32_t links_max_;
    size_t stride_;
    size_t bytes_;
    uint8_t* table_ = nullptr;
    uint32_t rows_ = 0;
    float longest_ = 0;  // the largest |x̂|²
    std::vector<uint64_t> ids_;
};

}  // namespace asteroid
