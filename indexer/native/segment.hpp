// An immutable segment, mapped read-only. FORMAT.md draws the file; Python has checked its checksums
// and structure before this class is given the layout, and this class checks every bound again.
#pragma once

#include <string>
#include <vector>

#include "part.hpp"

namespace asteroid {

// Where a level of the hierarchy above the ground lies in the file: parallel arrays over its nodes.
struct UpperLayout {
    uint64_t nodes;     // u32 × count: the ordinal of each
    uint64_t down;      // u32 × count: its position one level down (its ordinal, on level 1)
    uint64_t links;     // (count u32 | position u32 × M) × count
    uint32_t count;
};

struct SegmentLayout {
    uint64_t records;   // (count u32 | ordinal u32 × 2M | record) × rows
    uint64_t ids;       // u64 × rows, by ordinal
    uint64_t by_id;     // u32 × rows: ordinals in the order of their ids
    std::vector<UpperLayout> upper;  // level 1 first
    uint32_t rows;
    uint32_t links_max;        // M: links a node on the upper levels; 2M on the ground
    uint32_t entry;            // position of the entry point on the top level
};

class Segment final : public Part {
  public:
    Segment(const std::string& path, size_t dim, Metric metric, const SegmentLayout& layout);
    ~Segment() override;
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    size_t dim() const override { return dim_; }
    Metric metric() const override { return metric_; }
    uint32_t rows() const override { return layout_.rows; }
    uint64_t id(uint32_t ordinal) const override { return ids_[ordinal]; }
    const uint8_t* record(uint32_t ordinal) const override {
        return node(ordinal) + sizeof(uint32_t) * (1 + 2 * size_t(layout_.links_max));
    }
    Links links(uint32_t ordinal) const { return links_at(node(ordinal)); }

    // The level walk: how many levels above the ground, and the nodes of one.
    size_t levels() const { return layout_.upper.size(); }
    uint32_t entry() const { return layout_.entry; }
    uint32_t upper_ordinal(size_t level, uint32_t position) const;
    uint32_t upper_down(size_t level, uint32_t position) const;
    Links upper_links(size_t level, uint32_t position) const;

    int64_t find(uint64_t id) const;
    size_t node_bytes() const { return node_bytes_; }

  private:
    const uint8_t* node(uint32_t ordinal) const { return records_ + size_t(ordinal) * node_bytes_; }
    static Links links_at(const uint8_t* at) {
        const uint32_t* list = reinterpret_cast<const uint32_t*>(at);
        return {list + 1, list[0]};
    }
    void map(const std::string& path);
    void check_bounds() const;

    size_t dim_;
    Metric metric_;
    SegmentLayout layout_;
    size_t node_bytes_;
    const uint8_t* base_ = nullptr;
    size_t bytes_ = 0;
    const uint8_t* records_ = nullptr;
    const uint64_t* ids_ = nullptr;
    const uint32_t* by_id_ = nullptr;
};

// The first node of a run of nodes whose links are too many or point past the end, or -1.
int64_t first_bad_node(const uint8_t* nodes, size_t n, size_t node_bytes, uint32_t links_max, uint32_t rows);

}  // namespace asteroid
