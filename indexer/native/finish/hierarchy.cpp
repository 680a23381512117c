#include "finish/hierarchy.hpp"

#include <algorithm>
#include <utility>

#include "build/batch.hpp"
#include "build/copies.hpp"
#include "finish/components.hpp"
#include "finish/findable.hpp"
#include "parts/layout.hpp"
#include "search/walk.hpp"

namespace asteroid {
namespace {

constexpr uint32_t COMPARISONS = 1 << 16;  // of rows, between two checks

// The rows of each level above the ground, level 1 first; each level's are the first of the one below. The
// highest is as large as it may be: where rows lie in few groups, it has some of each.
std::vector<uint32_t> level_counts(uint32_t rows) {
    std::vector<uint32_t> counts;
    uint32_t count = rows;
    while (count > TOP_NODES_MAX) {
        count = std::max(count / LEVEL_RATIO, TOP_NODES_MAX);
        counts.push_back(count);
    }
    return counts;
}

std::vector<uint32_t> upper_rows(uint32_t rows, uint32_t count, Progress& progress) {
    std::vector<std::pair<uint64_t, uint32_t>> drawn(rows);
    CancelCheck check(progress, COMPARISONS);
    for (uint32_t row = 0; row < rows; ++row, check.step()) drawn[row] = {scrambled(row), row};
    std::partial_sort(drawn.begin(), drawn.begin() + count, drawn.end(), [&](const auto& a, const auto& b) {
        check.step();
        return a < b;
    });
    std::vector<uint32_t> chosen(count);
    for (uint32_t i = 0; i < count; ++i) chosen[i] = drawn[i].second;
    return chosen;
}

// Finds what no walk from `entry` reaches, and links to it.
class Reachability {
  public:
    Reachability(GraphBuilder& builder, uint32_t entry, Progress& progress)
        : builder_(builder), progress_(progress), check_(progress), met_at_(builder.rows(), NO_NODE) {
        order_.reserve(builder.rows());
        reach(entry);
    }

    // Breadth first, attaching what is left out; returns the order in which rows were met.
    std::vector<uint32_t> complete() {
        spread();
        for (uint32_t row = 0; row < builder_.rows(); ++row) {
            if (is_reached(row)) continue;
            attach(row);
            ++builder_.repaired;
            progress_.check();  // it may have looked at every row
            reach(row);
            spread();
        }
        return std::move(order_);
    }

  private:
    bool is_reached(uint32_t row) const { return met_at_[row] != NO_NODE; }

    void reach(uint32_t row) {
        if (is_reached(row)) return;
        met_at_[row] = uint32_t(order_.size());
        order_.push_back(row);
    }

    void spread() {
        for (; next_ < order_.size(); ++next_, check_.step()) {
            const Links links = builder_.links(order_[next_]);
            for (uint32_t i = 0; i < links.count; ++i) reach(links[i]);
        }
    }

    // A link from the nearest reached node with room, among the lost one's own links or else anywhere.
    void attach(uint32_t lost) {
        const Anchor anchor(builder_.record(lost), builder_.space());
        Candidate best{0, NO_NODE};
        const auto consider = [&](uint32_t row) {
            if (!is_reached(row) || builder_.links(row).count == builder_.ground_links_max()) return;
            const Candidate candidate{anchor.distance(builder_.record(row)), row};
            if (best.node == NO_NODE || nearer(candidate, best)) best = candidate;
        };
        const Links links = builder_.links(lost);
        for (uint32_t i = 0; i < links.count; ++i) consider(links[i]);
        for (uint32_t row = 0; best.node == NO_NODE && row < builder_.rows(); ++row) consider(row);
        if (best.node == NO_NODE) return replace_link(lost);
        uint32_t* list = builder_.list(best.node);
        list[++list[0]] = lost;
    }

    // When every list is full: in the place of a link to a node that was met before, and so has another
    // way in.
    void replace_link(uint32_t lost) {
        for (uint32_t at = uint32_t(order_.size()); at-- > 0;) {
            uint32_t* list = builder_.list(order_[at]);
            for (uint32_t i = list[0]; i > 0; --i)
                if (met_at_[list[i]] < at) {
                    list[i] = lost;
                    return;
                }
        }
    }

    GraphBuilder& builder_;
    Progress& progress_;
    CancelCheck check_;
    std::vector<uint32_t> met_at_;  // the place of each row in order_
    std::vector<uint32_t> order_;
    size_t next_ = 0;
};

// The rows of upper levels first, the others as they were.
std::vector<uint32_t> upper_first(const std::vector<uint32_t>& upper, const std::vector<uint32_t>& order) {
    std::vector<bool> is_upper(order.size(), false);
    for (const uint32_t row : upper) is_upper[row] = true;
    std::vector<uint32_t> result = upper;
    result.reserve(order.size());
    for (const uint32_t row : order)
        if (!is_upper[row]) result.push_back(row);
    return result;
}

}  // namespace

void finish(GraphBuilder& builder, uint32_t threads, Progress& progress) {
    const uint32_t rows = builder.rows();
    const std::vector<uint32_t> counts = level_counts(rows);
    const uint32_t above = counts.empty() ? std::min(rows, 1u) : counts[0];
    const std::vector<uint32_t> chosen = upper_rows(rows, above, progress);
    if (rows == 0) return;
    if (builder.is_joined) hang_copies(builder, progress);
    connect(builder, threads, progress);
    builder.row_at = chosen;
    for (size_t level = 0; level < counts.size(); ++level) {
        UpperLevel upper{counts[level], {}};
        if (level + 1 < counts.size()) {  // the highest is scanned
            const uint32_t stride = 1 + builder.links_max();
            upper.links.assign(size_t(upper.count) * stride, 0);
            const Points points{&builder, 0, upper.count, chosen.data()};
            link_all(points, {upper.links.data(), stride, builder.links_max()}, threads, progress);
        }
        builder.upper.push_back(std::move(upper));
    }
    make_findable(builder, threads, progress);
    builder.row_at = upper_first(chosen, Reachability(builder, chosen.front(), progress).complete());
    builder.place_of.assign(rows, 0);
    for (uint32_t place = 0; place < rows; ++place) builder.place_of[builder.row_at[place]] = place;
}

}  // namespace asteroid
