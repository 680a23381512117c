// The mutable graph: hnswlib's HierarchicalNSW over SQ8 records, grown once and then written out as a
// segment's sections. It is never searched by readers and never updated in place.
#pragma once

#include <hnswlib/hnswlib.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "sq8.hpp"

namespace asteroid {

// hnswlib's view of SQ8 records: their size, and a distance that is symmetric.
class Sq8Space final : public hnswlib::SpaceInterface<float> {
  public:
    Sq8Space(size_t dim, Metric metric) : params_{dim, metric} {}
    size_t get_data_size() override { return record_bytes(params_.dim); }
    hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
    void* get_dist_func_param() override { return &params_; }

  private:
    struct Params {
        size_t dim;
        Metric metric;
    };
    static float distance(const void* a, const void* b, const void* params) {
        const auto* p = static_cast<const Params*>(params);
        return record_distance(static_cast<const uint8_t*>(a), static_cast<const uint8_t*>(b), p->dim,
                               p->metric);
    }
    Params params_;
};

// One level above the ground, as a segment stores it.
struct UpperLevel {
    std::vector<uint32_t> nodes, down, links;
};

class GraphBuilder {
  public:
    GraphBuilder(size_t dim, Metric metric, uint32_t capacity, uint32_t links_max, uint32_t ef_construction);

    // Adds `n` records under `threads` threads; throws std::length_error beyond the capacity.
    void add(const uint64_t* ids, const uint8_t* records, uint32_t n, uint32_t threads);

    // Makes every node reachable from the entry point and fixes the order in which nodes are written:
    // breadth first, so that neighbours lie near each other in the file. Nothing may be added after.
    void finish();

    uint32_t rows() const { return uint32_t(graph_.cur_element_count); }
    size_t record_size() const { return record_bytes(dim_); }
    size_t node_bytes() const { return sizeof(uint32_t) * (1 + graph_.maxM0_) + record_size(); }
    uint32_t repaired() const { return repaired_; }
    uint32_t entry() const { return entry_; }
    const std::vector<UpperLevel>& upper() const { return upper_; }

    // What a segment stores, by new ordinal.
    uint64_t id(uint32_t ordinal) const { return ids_[order_[ordinal]]; }
    void write_nodes(uint32_t first, uint32_t n, uint8_t* out) const;

  private:
    std::vector<uint32_t> reach_all();
    uint32_t attach(uint32_t lost, const std::vector<bool>& reached);
    uint32_t nearest_with_room(uint32_t lost, const std::vector<bool>& reached) const;
    void pack_upper_levels();

    size_t dim_;
    Sq8Space space_;
    hnswlib::HierarchicalNSW<float> graph_;
    std::vector<uint64_t> ids_;         // by hnswlib's internal number
    std::vector<uint32_t> order_;       // new ordinal → internal number
    std::vector<uint32_t> ordinal_of_;  // and back
    std::vector<UpperLevel> upper_;
    uint32_t entry_ = 0;
    uint32_t repaired_ = 0;
};

}  // namespace asteroid
