// An immutable segment, mapped read-only. FORMAT.md describes the file. Python checks its checksums and
// structure before it passes the layout to this class, which checks every bound again.
//
// The file may be damaged later, while it is mapped. So every number that is read from the mapping is checked
// before it is used as an index. A flipped bit gives a wrong neighbour or a DamagedSegment, never a read
// beyond the mapping. A file that is made shorter still ends the process; see THREAT_MODEL.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "names/name_table.hpp"
#include "parts/part.hpp"
#include "quant/distance.hpp"

namespace asteroid {

// A level of the hierarchy above the ground. Its nodes are the first `count` of the segment.
struct UpperLayout {
    uint64_t links;  // (count u32 | ordinal u32 × M) × count; nothing on the highest level
    uint32_t count;
};

// Where the names are, of a segment whose ids are names: sorted by their bytes.
struct NameLayout {
    uint64_t ends;  // u64 × rows: where each name ends
    uint64_t text, text_bytes;
    uint64_t filter, filter_bytes;
};

// Where the sections of a file begin.
struct SegmentLayout {
    uint64_t nodes;  // (record | count u32 | ordinal u32 × 2M | padding) × vector_rows
    uint64_t fine;   // u8 × dim, padded to 4, × vector_rows; unused without residuals
    uint64_t ids;    // u64 × rows, by ordinal; ranks where there are names
    uint64_t by_id;  // u32 × rows: ordinals in the order of their ids
    std::vector<UpperLayout> upper;  // level 1 first
    uint32_t rows;
    uint32_t vector_rows;  // the first rows, which have nodes
    bool is_of_0_1;      // records as version 0.1 wrote them
    uint32_t links_max;  // M: links a node on the upper levels; 2M on the ground
    std::optional<NameLayout> names = std::nullopt;
};

class Segment final : public Part {
  public:
    Segment(const std::string& path, const Shape& shape, const SegmentLayout& layout);
    ~Segment() override;
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    const Shape& shape() const override { return shape_; }
    uint32_t rows() const override { return layout_.rows; }
    uint32_t vector_rows() const override { return layout_.vector_rows; }
    uint64_t id(uint32_t ordinal) const override {
        return load<uint64_t>(ids_ + sizeof(uint64_t) * size_t(ordinal));
    }
    bool has_names() const override { return layout_.names.has_value(); }
    bool has_ranks() const override { return true; }
    std::string_view name(uint32_t ordinal) const override {
        const uint64_t rank = id(ordinal);
        const std::string_view name = rank < layout_.rows ? names_.at(uint32_t(rank)) : std::string_view{};
        if (name.empty()) throw DamagedSegment("the table of ids is not as it was");
        return name;
    }
    const NameTable& names() const { return names_; }
    const uint8_t* record(uint32_t ordinal) const override { return nodes_ + size_t(ordinal) * node_bytes_; }
    const uint8_t* fine(uint32_t ordinal) const override {
        return shape_.has_fine ? fine_ + size_t(ordinal) * fine_bytes(shape_.dim) : nullptr;
    }
    Links links(uint32_t ordinal) const {
        return links_at(record(ordinal) + record_size_, 2 * layout_.links_max);
    }
    // Nodes that have links on upper levels too: the first of the segment.
    uint32_t upper_rows() const { return layout_.upper.size() > 1 ? layout_.upper.front().count : 0; }
    // The links of such a node on level 1.
    Links upper_links(uint32_t ordinal) const {
        const uint8_t* list = base_ + layout_.upper.front().links + ordinal * list_bytes(layout_.links_max);
        return links_at(list, layout_.links_max);
    }
    void prefetch_links(uint32_t ordinal) const {
        const uint8_t* list = record(ordinal) + record_size_;
        __builtin_prefetch(list);
        __builtin_prefetch(list + 64);
        __builtin_prefetch(list + 128);
    }

    // The node where walks begin, near the query. All records of the highest level are measured; they are
    // kept in memory. The levels below it are walked greedily.
    uint32_t entry(const Anchor& anchor, uint64_t& measured) const;

    // Whether its records lack Σ code²; see sq8.hpp.
    bool is_of_0_1() const { return layout_.is_of_0_1; }
    // The ordinal of an id, or -1. Throws DamagedSegment.
    int64_t find(uint64_t wanted) const;
    int64_t find(std::string_view wanted) const;
    // The same of many ids in ascending order, in less time than one by one.
    void find_ascending(const uint64_t* wanted, size_t n, int64_t* found) const;
    // The ordinal of a place in the order of the ids. Throws DamagedSegment.
    uint32_t by_id(uint32_t place) const;
    uint32_t links_max() const { return layout_.links_max; }

    // Reads every page now, so that no search waits for the disk.
    void warm() const;
    // Drops the pages in a window from this process and from the page cache. They are read again when needed.
    void release(size_t offset, size_t length) const;
    // The size of the file, and how many of its bytes are in memory now.
    size_t mapped_bytes() const { return bytes_; }
    size_t resident_bytes() const;

  private:
    // The first place from `low` to before `high` in the order of the ids with none less than `wanted`.
    uint32_t first_from(uint64_t wanted, uint32_t low, uint32_t high) const;
    // The ordinal at a place in that order, if it has this id; else -1.
    int64_t row_at(uint32_t place, uint64_t wanted) const;
    uint32_t top_count() const {
        return layout_.upper.empty() ? layout_.vector_rows : layout_.upper.back().count;
    }
    void map(const std::string& path);
    void check_bounds() const;
    void copy_top();

    std::string path_;
    Shape shape_;
    SegmentLayout layout_;
    size_t record_size_;
    size_t node_bytes_;
    const uint8_t* base_ = nullptr;
    size_t bytes_ = 0;
    const uint8_t* nodes_ = nullptr;
    const uint8_t* fine_ = nullptr;
    const uint8_t* ids_ = nullptr;
    const uint8_t* by_id_ = nullptr;
    NameTable names_;
    std::vector<uint8_t> top_records_;
    std::vector<const uint8_t*> top_;
};

// The first of some nodes that has too many links or a link past the end; -1 if there is none. The count of
// links is `list_at` bytes into a node.
int64_t first_bad_node(const uint8_t* nodes, size_t n, size_t node_bytes, size_t list_at, uint32_t links_max,
                       uint32_t rows);

}  // namespace asteroid
