#include "build/insertion.hpp"

#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "build/batch.hpp"
#include "build/copies.hpp"
#include "quant/kernels.hpp"

namespace asteroid {
namespace {

constexpr size_t SEED = 100;
constexpr size_t BLOCK = 16;

// What hnswlib holds of a row: its codes, and a header with all that a distance takes, computed once.
//
//   point := offset f32 | scale f32 | Σ code u32 | Σ code² u32 | further f32 | code u8 × dim | outliers
//
// Offset and scale are those of unit length under cosine; `further` is the dimension that ip gains (see
// Formula).
struct PointHeader {
    float offset, scale;
    int32_t sum, squares;
    float further;
};

class PointSpace final : public hnswlib::SpaceInterface<float> {
  public:
    explicit PointSpace(const Space& space) : space_(space) {}
    size_t get_data_size() override {
        return sizeof(PointHeader) + space_.dim + outlier_bytes(space_.outliers);
    }
    hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
    void* get_dist_func_param() override { return &space_; }

    void write(const uint8_t* record, uint8_t* point) const {
        const RecordHeader h = header_of(record);
        PointHeader header{h.offset, h.scale, int32_t(h.sum()), int32_t(h.squares), 0};
        if (space_.formula == Formula::cosine) {
            const UnitForm unit = unit_form(h, space_.dim);
            header.offset = unit.offset;
            header.scale = unit.scale;
            // A zero vector is as far from others as what is at a right angle to them. Nearer, it would be
            // taken for everybody's neighbour.
            if (unit.offset == 0 && unit.scale == 0) header.further = 1;
        }
        if (space_.formula == Formula::ip_as_l2)
            header.further = float(std::sqrt(std::max(0.0, space_.longest - squared_norm(h, space_.dim))));
        std::memcpy(point, &header, sizeof header);
        std::memcpy(point + sizeof header, codes_of(record), space_.dim);
        std::memcpy(point + sizeof header + space_.dim, record + coded_bytes(space_.dim),
                    outlier_bytes(space_.outliers));
    }

  private:
    static Outliers outliers_behind(const uint8_t* codes, const Space& space) {
        return {codes + space.dim, uint32_t(space.outliers), uint32_t(space.dim)};
    }
    static float distance(const void* a, const void* b, const void* given) {
        const auto& space = *static_cast<const Space*>(given);
        PointHeader x, q;
        std::memcpy(&x, a, sizeof x);
        std::memcpy(&q, b, sizeof q);
        const auto *c = static_cast<const uint8_t*>(a) + sizeof x,
                   *d = static_cast<const uint8_t*>(b) + sizeof q;
        const size_t dim = space.dim;
        const auto product = int32_t(kernels().dot_u8(c, uint32_t(x.sum), d, dim));
        const float by_offset = x.offset - q.offset, by_scale = x.scale - q.scale;
        const float linear = by_scale * float(x.sum) + q.scale * float(x.sum - q.sum);
        const float further = x.further - q.further;
        const float coded =
            by_offset * (float(dim) * by_offset + 2 * linear) +
            by_scale * (by_scale * float(x.squares) + 2 * q.scale * float(x.squares - product)) +
            q.scale * q.scale * float(x.squares + q.squares - 2 * product) + further * further;
        const Outliers of_x = outliers_behind(c, space), of_q = outliers_behind(d, space);
        if (of_x.none() && of_q.none()) return coded;
        const float sum =
            coded + outlier_correction({x.offset, x.scale, c, of_x}, {q.offset, q.scale, d, of_q});
        return sum < 0 ? 0 : sum;
    }
    Space space_;
};

}  // namespace

void link_by_insertion(GraphBuilder& builder, uint32_t ef_construction, uint32_t threads,
                       Progress& progress) {
    const uint32_t rows = builder.rows();
    if (rows == 0) return;
    // Inner products are no distances: see link_all.
    if (builder.shape().metric == Metric::ip) return link_all(builder, 0, threads, progress);
    const Copies copies(Points{&builder, 0, rows}, progress);
    const std::vector<uint32_t>& different = copies.different();
    PointSpace space(builder.space());
    hnswlib::HierarchicalNSW<float> graph(&space, different.size(), builder.links_max(), ef_construction,
                                          SEED);
    const auto add = [&](uint32_t row, std::vector<uint8_t>& point) {
        space.write(builder.record(row), point.data());
        graph.addPoint(point.data(), row);
    };
    std::vector<uint8_t> first_point(space.get_data_size());
    add(different[0], first_point);  // concurrent adds need an entry point
    in_parallel(different.size() - 1, BLOCK, threads, [&](size_t first, size_t last) {
        std::vector<uint8_t> point(space.get_data_size());
        for (size_t i = first + 1; i <= last; ++i) add(different[i], point);
        progress.add(last - first);
    });
    // hnswlib numbers nodes in the order of arrival; the label says which row a node is.
    CancelCheck check(progress);
    for (uint32_t node = 0; node < different.size(); ++node) {
        check.step();
        const uint32_t* from = graph.get_linklist0(node);
        uint32_t* to = builder.list(uint32_t(graph.getExternalLabel(node)));
        to[0] = graph.getListCount(const_cast<uint32_t*>(from));
        for (uint32_t i = 1; i <= to[0]; ++i) to[i] = uint32_t(graph.getExternalLabel(from[i]));
    }
    copies.link({builder.list(0), builder.stride() / sizeof(uint32_t), builder.ground_links_max()},
                progress);
}

}  // namespace asteroid
