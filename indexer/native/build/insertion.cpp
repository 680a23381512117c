#include "build/insertion.hpp"

#include <hnswlib/hnswlib.h>

namespace asteroid {
namespace {

constexpr size_t SEED = 100;
constexpr size_t BLOCK = 16;

// hnswlib's view of SQ8 records: their size, and a distance that is symmetric.
class Sq8Space final : public hnswlib::SpaceInterface<float> {
  public:
    explicit Sq8Space(const Shape& shape) : shape_(shape) {}
    size_t get_data_size() override { return record_bytes(shape_.dim); }
    hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
    void* get_dist_func_param() override { return &shape_; }

  private:
    static float distance(const void* a, const void* b, const void* shape) {
        const auto* s = static_cast<const Shape*>(shape);
        return record_distance(static_cast<const uint8_t*>(a), static_cast<const uint8_t*>(b), s->dim,
                               s->metric);
    }
    Shape shape_;
};

}  // namespace

void link_by_insertion(GraphBuilder& builder, uint32_t ef_construction, uint32_t threads,
                       Progress& progress) {
    const uint32_t rows = builder.rows();
    if (rows == 0) return;
    Sq8Space space(builder.shape());
    hnswlib::HierarchicalNSW<float> graph(&space, rows, builder.links_max(), ef_construction, SEED);
    graph.addPoint(builder.record(0), 0);  // concurrent adds need an entry point
    in_parallel(rows - 1, BLOCK, threads, [&](size_t first, size_t last) {
        for (size_t i = first + 1; i <= last; ++i) graph.addPoint(builder.record(uint32_t(i)), i);
        progress.add(last - first);
    });
    // hnswlib numbers nodes in the order of arrival; the label says which row a node is.
    for (uint32_t node = 0; node < rows; ++node) {
        const uint32_t* from = graph.get_linklist0(node);
        uint32_t* to = builder.list(uint32_t(graph.getExternalLabel(node)));
        to[0] = graph.getListCount(const_cast<uint32_t*>(from));
        for (uint32_t i = 1; i <= to[0]; ++i) to[i] = uint32_t(graph.getExternalLabel(from[i]));
    }
}

}  // namespace asteroid
