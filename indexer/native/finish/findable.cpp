#include "finish/findable.hpp"

#include <algorithm>
#include <mutex>

#include "parts/layout.hpp"
#include "search/walk.hpp"

namespace asteroid {
namespace {

constexpr uint32_t EF = 64;                 // of a search: half of what queries use unless told otherwise
constexpr uint32_t SAMPLE_MIN = 1024;       // rows that are searched for at first, at least
constexpr uint32_t SAMPLE_STEP = 64;        // and one of so many
constexpr double MISSED_SHARE_MAX = 0.003;  // of the sample; more of them, and all rows are searched for
constexpr uint32_t ROUNDS = 4;   // after which what is still missed stays to the reachability check
constexpr uint32_t WAYS_IN = 3;  // links that a missed row gets
constexpr size_t BLOCK = 16;

// A row that a search did not find, and the nearest that it met.
struct Missed {
    uint32_t row;
    std::vector<uint32_t> met;
};

class Finder {
  public:
    Finder(GraphBuilder& builder, uint32_t threads, Progress& progress)
        : builder_(builder), threads_(threads), progress_(progress) {}

    void run() {
        std::vector<uint32_t> rows = sample();
        std::vector<Missed> missed = search_for(rows);
        if (double(missed.size()) <= MISSED_SHARE_MAX * double(rows.size())) return;
        rows.resize(builder_.rows());
        for (uint32_t row = 0; row < builder_.rows(); ++row) rows[row] = row;
        for (uint32_t round = 0; round < ROUNDS && !rows.empty(); ++round) {
            missed = search_for(rows);
            rows.clear();
            for (const Missed& each : missed) {
                link(each);
                rows.push_back(each.row);
            }
        }
    }

  private:
    std::vector<uint32_t> sample() const {
        const uint32_t count = std::min(builder_.rows(), std::max(SAMPLE_MIN, builder_.rows() / SAMPLE_STEP));
        std::vector<uint32_t> rows(count);
        for (uint32_t i = 0; i < count; ++i) rows[i] = uint32_t(uint64_t(i) * builder_.rows() / count);
        return rows;
    }

    std::vector<Missed> search_for(const std::vector<uint32_t>& rows) {
        std::vector<Missed> missed;
        std::mutex adding;
        in_parallel(rows.size(), BLOCK, threads_, [&](size_t first, size_t last) {
            for (size_t i = first; i < last; ++i) {
                std::vector<uint32_t> met = met_instead_of(rows[i]);
                if (met.empty()) continue;
                const std::lock_guard guard(adding);
                missed.push_back({rows[i], std::move(met)});
            }
            progress_.check();
        });
        std::sort(missed.begin(), missed.end(),
                  [](const Missed& a, const Missed& b) { return a.row < b.row; });
        return missed;
    }

    // The nearest rows that a search for this one meets; none if it finds it, or one that is equal.
    std::vector<uint32_t> met_instead_of(uint32_t row) const {
        thread_local Scratch scratch;
        const Anchor anchor(builder_.record(row), builder_.space());
        scratch.start(builder_.rows());
        const uint32_t start = entry(anchor);
        walk(builder_, anchor, {&start, 1}, Reach{EF}, scratch);
        const float own = anchor.distance(builder_.record(row));
        for (const Candidate& candidate : scratch.pool)
            if (candidate.node == row || candidate.distance <= own) return {};
        std::vector<uint32_t> met;
        for (const Candidate& candidate : scratch.pool) met.push_back(candidate.node);
        return met;
    }

    // Where searches begin; see Segment::entry.
    uint32_t entry(const Anchor& anchor) const {
        const std::vector<UpperLevel>& levels = builder_.upper;
        const uint32_t top = levels.empty() ? builder_.rows() : levels.back().count;
        uint32_t place = 0;
        float best = distance_at(anchor, 0);
        for (uint32_t i = 1; i < top; ++i)
            if (const float distance = distance_at(anchor, i); distance < best) best = distance, place = i;
        const size_t stride = 1 + size_t(builder_.links_max());
        for (size_t level = levels.size(); level-- > 1;) {
            for (bool moved = true; moved;) {
                moved = false;
                const uint32_t* list = levels[level - 1].links.data() + place * stride;
                for (uint32_t i = 1; i <= list[0]; ++i)
                    if (const float distance = distance_at(anchor, list[i]); distance < best)
                        best = distance, place = list[i], moved = true;
            }
        }
        return builder_.row_at[place];
    }

    float distance_at(const Anchor& anchor, uint32_t place) const {
        return anchor.distance(builder_.record(builder_.row_at[place]));
    }

    // Both ways with the nearest that have room; without any, in the place of a link of the nearest.
    void link(const Missed& missed) {
        const uint32_t most = builder_.ground_links_max();
        uint32_t ways = 0;
        for (const uint32_t row : missed.met) {
            if (ways == WAYS_IN) return;
            if (builder_.links(row).count == most) continue;
            append(row, missed.row);
            append(missed.row, row);
            ++ways;
        }
        if (ways > 0) return;
        uint32_t* list = builder_.list(missed.met.front());
        list[list[0]] = missed.row;
        append(missed.row, missed.met.front());
    }

    void append(uint32_t from, uint32_t to) {
        uint32_t* list = builder_.list(from);
        if (list[0] < builder_.ground_links_max() &&
            std::find(list + 1, list + 1 + list[0], to) == list + 1 + list[0])
            list[++list[0]] = to;
    }

    GraphBuilder& builder_;
    uint32_t threads_;
    Progress& progress_;
};

}  // namespace

void make_findable(GraphBuilder& builder, uint32_t threads, Progress& progress) {
    if (builder.rows() > TOP_NODES_MAX) Finder(builder, threads, progress).run();
}

}  // namespace asteroid
