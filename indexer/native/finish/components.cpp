#include "finish/components.hpp"

#include <algorithm>
#include <numeric>

#include "build/batch.hpp"
#include "search/walk.hpp"

namespace asteroid {
namespace {

constexpr uint32_t BRIDGES = 24;  // other components that a component is linked to
constexpr uint32_t EF = 16;       // of the walk that finds where two components come nearest to each other
constexpr size_t BLOCK = 16;

// Disjoint sets of rows.
class Sets {
  public:
    explicit Sets(uint32_t rows) : parent_(rows) { std::iota(parent_.begin(), parent_.end(), 0u); }

    uint32_t find(uint32_t row) {
        while (parent_[row] != row) row = parent_[row] = parent_[parent_[row]];
        return row;
    }
    void unite(uint32_t a, uint32_t b) { parent_[find(a)] = find(b); }

  private:
    std::vector<uint32_t> parent_;
};

struct Bridge {
    uint32_t from, to;
};

class Connector {
  public:
    Connector(GraphBuilder& builder, uint32_t threads, Progress& progress)
        : builder_(builder), threads_(threads), progress_(progress) {}

    void run() {
        while (choose_delegates() > 1) {
            std::vector<Bridge> bridges = propose();
            bring_together(bridges);
            for (const Bridge& bridge : bridges) {
                add(bridge.from, bridge.to);
                add(bridge.to, bridge.from);
            }
        }
    }

  private:
    // One row of each component; how many there are.
    size_t choose_delegates() {
        const uint32_t rows = builder_.rows();
        Sets sets(rows);
        CancelCheck check(progress_);
        for (uint32_t row = 0; row < rows; ++row) {
            check.step();
            const Links links = builder_.links(row);
            for (uint32_t i = 0; i < links.count; ++i) sets.unite(row, links[i]);
        }
        delegates_.clear();
        for (uint32_t row = 0; row < rows; ++row)
            if (sets.find(row) == row) delegates_.push_back(row);
        return delegates_.size();
    }

    // A graph over the delegates says which components are neighbours.
    std::vector<Bridge> propose() {
        const uint32_t stride = 1 + BRIDGES;
        std::vector<uint32_t> links(delegates_.size() * stride);
        const Points points{&builder_, 0, uint32_t(delegates_.size()), delegates_.data()};
        const LinkTable table{links.data(), stride, BRIDGES};
        Progress unseen([this] {  // its steps are not counted
            progress_.check();
            return true;
        });
        link_all(points, table, threads_, unseen);
        std::vector<Bridge> bridges;
        for (uint32_t point = 0; point < points.count; ++point) {
            const uint32_t* list = table.list(point);
            for (uint32_t i = 1; i <= list[0]; ++i)
                bridges.push_back({delegates_[point], delegates_[list[i]]});
        }
        return bridges;
    }

    // Moves the ends of each bridge to where the two components come nearest to each other.
    void bring_together(std::vector<Bridge>& bridges) {
        in_parallel(bridges.size(), BLOCK, threads_, [&](size_t first, size_t last) {
            for (size_t i = first; i < last; ++i) {
                bridges[i].from = nearest(bridges[i].from, bridges[i].to);
                bridges[i].to = nearest(bridges[i].to, bridges[i].from);
            }
            progress_.check();
        });
    }

    // The row of the component of `start` that is nearest to `target`, as a walk finds it; of the next ones
    // that which has room for another link, if any has.
    uint32_t nearest(uint32_t start, uint32_t target) const {
        thread_local Scratch scratch;
        const Anchor anchor(builder_.record(target), builder_.space());
        scratch.start(builder_.rows());
        walk(builder_, anchor, {&start, 1}, Reach{EF}, scratch);
        for (const Candidate& candidate : scratch.pool)
            if (builder_.links(candidate.node).count < builder_.ground_links_max()) return candidate.node;
        return scratch.pool.front().node;
    }

    // In the place of the last link where a list is full; what that led to keeps its other ways in, or is
    // given one later (see Reachability).
    void add(uint32_t from, uint32_t to) {
        uint32_t* list = builder_.list(from);
        if (std::find(list + 1, list + 1 + list[0], to) != list + 1 + list[0]) return;
        if (list[0] < builder_.ground_links_max()) ++list[0];
        list[list[0]] = to;
    }

    GraphBuilder& builder_;
    uint32_t threads_;
    Progress& progress_;
    std::vector<uint32_t> delegates_;
};

}  // namespace

void connect(GraphBuilder& builder, uint32_t threads, Progress& progress) {
    if (builder.rows() > 0) Connector(builder, threads, progress).run();
}

}  // namespace asteroid
