#include "search/masked_walk.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace asteroid {
namespace {

// The constants were measured on sentence embeddings of 384 dimensions, and on vectors that are drawn:
// normal, in clusters of 30, 100 and 1,000, near-duplicates, copies, like vectors of words and of texts.

// Matching nodes that one step meets before it stops looking behind nodes that do not match.
constexpr size_t GATHERED = 24;
// Matching rows, evenly spread over the segment, that a walk begins with beside the entry: what matches may
// lie far from where the query is.
constexpr uint32_t SEEDS = 16;
// Share of matching rows from which on all nodes are measured, those that do not match too: few are wasted,
// and what is near the query but does not match leads to what does.
constexpr double WIDE_SHARE = 0.4;
// Such a walk is given up when it has measured more than so many nodes for each match that is wanted: what is
// near the query does not match.
constexpr uint64_t WIDE_MEASURED = 64;
// A walk that meets fewer new nodes for each one that it expands moves inside groups that little connects,
// and may miss a whole group. Clusters and near-duplicates give 1 to 6, embeddings of sentences 6 to 18.
constexpr uint64_t THIN = 6;
// A part is scanned in place of a walk that is not to be trusted while it has at most so many matches for
// each unit of ef (at 128 that takes 1 to 2 ms, as does the other way),
constexpr uint64_t SCANNED_PER_EF = 512;
// or for each node that a restless walk has measured: to go on would cost more. Else it is walked again,
// thoroughly, with so many times the pool.
constexpr uint64_t SCANNED_PER_MEASURED = 6;
constexpr size_t THIN_GROWTH = 8, RESTLESS_GROWTH = 4;

// A mask thins the graph out: to find as much, a walk needs up to half as much ef again, and where matches
// are sparse, more in proportion.
size_t masked_ef(uint32_t ef, uint32_t matches, uint32_t rows) {
    const double share = double(matches) / rows;
    const double wider = (1 + (1 - share) / 2) * std::max(1.0, SPARSE_SHARE / share);
    return std::min<size_t>(matches, size_t(std::ceil(ef * wider)));
}

// How a walk went.
struct Course {
    bool is_whole = true;   // false when it has measured too much, and was given up
    uint32_t expanded = 0;  // nodes
    uint32_t changed = 0;   // the last of them that changed the nearest that are watched
    uint64_t measured = 0;

    bool is_restless() const { return expanded - changed < expanded / 6; }
    bool is_thin() const { return measured < THIN * expanded; }
};

// What a walk looks for.
struct Aim {
    size_t size;       // nodes that its pool keeps
    size_t watched;    // so many of the nearest decide whether it is restless
    uint64_t budget;   // nodes that it may measure
    bool is_thorough;  // to get out of a group: takes more seeds, links of level 1, and far bridges
};

// A segment seen through a mask: only matching nodes are measured. What does not match is a bridge: its links
// are looked at in the same step (two hops, as in ACORN, arXiv 2403.04871).
class MaskedWalk {
  public:
    MaskedWalk(const Segment& segment, const Anchor& anchor, const Mask& mask, const Aim& aim,
               Scratch& scratch)
        : segment_(segment), anchor_(anchor), mask_(mask), aim_(aim), scratch_(scratch) {
        scratch.start(segment.vector_rows());
        scratch.pool.reserve(aim.size + 1);
        // One list, and behind it less than GATHERED nodes of whole lists and two lists more.
        const size_t most = 3 * 2 * size_t(segment.links_max()) + GATHERED;
        scratch.fresh.resize(std::max(scratch.fresh.size(), most));
        scratch.records.resize(std::max(scratch.records.size(), most));
        scratch.distances.resize(std::max(scratch.distances.size(), most));
    }

    Course run() {
        const uint64_t before = scratch_.measured;
        begin();
        const uint64_t begun = scratch_.measured;
        course_.is_whole = expand(before + aim_.budget);
        course_.measured = scratch_.measured - begun;
        for (Candidate& candidate : scratch_.pool) candidate.node &= ~EXPANDED;
        return course_;
    }

  private:
    void begin() {
        const uint32_t entry = segment_.entry(anchor_, scratch_.measured);
        gather({&entry, 1});
        for (uint32_t i = 0; i < SEEDS; ++i) add_if_new(first_match(uint32_t(uint64_t(rows_) * i / SEEDS)));
        measure();
        if (aim_.is_thorough) begin_at_samples();
    }

    // The first rows of a segment are drawn at random, for they are the nodes of its upper levels. So the
    // first matches are a sample of all.
    void begin_at_samples() {
        uint32_t row = 0;
        for (size_t left = aim_.size; left > 0 && row < rows_;) {
            scratch_.charge();
            fresh_ = 0;
            for (; left > 0 && fresh_ < GATHERED && row < rows_; --left, ++row) {
                row = first_match(row);
                add_if_new(row);
            }
            measure();
        }
    }

    // False once more has been measured than `budget`.
    bool expand(uint64_t budget) {
        std::vector<Candidate>& pool = scratch_.pool;
        while (next_ < pool.size()) {
            scratch_.charge();
            Candidate& current = pool[next_++];
            if (current.node & EXPANDED) continue;
            const uint32_t node = current.node;
            current.node |= EXPANDED;
            ++course_.expanded;
            step(segment_.links(node));
            if (node < upper_rows_) step(segment_.upper_links(node));
            if (scratch_.measured > budget) return false;
        }
        return true;
    }

    void step(Links links) {
        gather(links);
        measure();
    }

    uint32_t first_match(uint32_t from) const {
        const uint32_t rows = segment_.vector_rows();
        for (; from < rows && from % 64 != 0; ++from)
            if (mask_.has(from)) return from;
        for (; from < rows; from += 64) {  // a word of bits at a time
            uint64_t word = 0;
            std::memcpy(&word, mask_.bits + from / 8, std::min<size_t>(8, (size_t(rows) - from + 7) / 8));
            if (word) return std::min(rows, from + uint32_t(__builtin_ctzll(word)));
        }
        return rows;
    }

    void add_if_new(uint32_t node) {
        if (node < rows_ && scratch_.visit(node)) add(node);
    }

    void add(uint32_t node) {
        const uint8_t* record = segment_.record(node);
        prefetch(record, record_bytes_);
        scratch_.fresh[fresh_] = node;
        scratch_.records[fresh_++] = record;
    }

    // The new matching nodes among these, and behind those that do not match.
    void gather(Links nodes) {
        const Mask mask = mask_;
        const uint32_t rows = rows_;
        scratch_.make_room(nodes.count);
        fresh_ = 0;
        bridges_.clear();
        size_t matching = 0;  // visited ones too
        for (uint32_t i = 0; i < nodes.count; ++i) {
            const uint32_t node = nodes[i];
            if (node >= rows) continue;
            if (mask.has(node)) {
                ++matching;
                if (scratch_.mark(node)) add(node);
            } else if (scratch_.mark(node)) {
                segment_.prefetch_links(node);
                bridges_.push_back(node);
            }
        }
        for (size_t first = 0, last = bridges_.size(); first < last && matching < GATHERED;) {
            matching += cross(bridges_[first++]);
            // The way out of a group is among the far ones.
            if (aim_.is_thorough && first < last && matching < GATHERED) matching += cross(bridges_[--last]);
        }
    }

    // The matching nodes behind one that does not match; how many there are.
    size_t cross(uint32_t bridge) {
        size_t matching = look_behind(segment_.links(bridge));
        if (bridge < upper_rows_) matching += look_behind(segment_.upper_links(bridge));
        return matching;
    }

    size_t look_behind(Links links) {
        size_t matching = 0;
        scratch_.make_room(links.count);
        for (uint32_t i = 0; i < links.count; ++i) {
            const uint32_t node = links[i];
            if (node >= rows_ || !mask_.has(node)) continue;  // not visited: it may yet be a bridge
            ++matching;
            if (scratch_.mark(node)) add(node);
        }
        return matching;
    }

    void measure() {
        anchor_.distances(scratch_.records.data(), fresh_, scratch_.distances.data());
        scratch_.measured += fresh_;
        for (size_t i = 0; i < fresh_; ++i) {
            const uint32_t node = scratch_.fresh[i];
            const size_t place = insert(scratch_.pool, {scratch_.distances[i], node}, aim_.size);
            if (place == aim_.size) continue;
            segment_.prefetch_links(node);
            next_ = std::min(next_, place);
            if (place < aim_.watched) course_.changed = course_.expanded;
        }
    }

    const Segment& segment_;
    const Anchor& anchor_;
    const Mask& mask_;
    const Aim aim_;
    const uint32_t rows_ = segment_.vector_rows();
    // Nodes from which links of level 1 are followed too.
    const uint32_t upper_rows_ = aim_.is_thorough ? segment_.upper_rows() : 0;
    const size_t record_bytes_ = record_bytes(segment_.shape());
    Scratch& scratch_;
    std::vector<uint32_t>& bridges_ = scratch_.bridges;
    Course course_;
    size_t fresh_ = 0;  // nodes gathered, to be measured
    size_t next_ = 0;   // no entry of the pool before it is unexpanded
};

// Walks as if everything matched, but keeps matching nodes only.
Course walk_wide(const Segment& segment, const Anchor& anchor, const Mask& mask, const Aim& aim,
                 Scratch& scratch) {
    std::vector<Candidate>& pool = scratch.pool;
    std::vector<Candidate>& frontier = scratch.frontier;
    Course course;
    scratch.start(segment.vector_rows());
    pool.reserve(aim.size + 1);
    const auto take = [&](Links nodes) {
        const Measured fresh = measure_new(segment, anchor, nodes, scratch);
        for (size_t i = 0; i < fresh.count; ++i) {
            const Candidate candidate{fresh.distances[i], fresh.nodes[i]};
            if (pool.size() >= aim.size && !nearer(candidate, pool.back())) continue;
            frontier.push_back(candidate);
            std::push_heap(frontier.begin(), frontier.end(), farther);
            segment.prefetch_links(candidate.node);
            if (mask.has(candidate.node) && insert(pool, candidate, aim.size) < aim.watched)
                course.changed = course.expanded;
        }
    };
    const uint64_t before = scratch.measured;
    const uint32_t entry = segment.entry(anchor, scratch.measured);
    const uint32_t upper_rows = aim.is_thorough ? segment.upper_rows() : 0;
    take({&entry, 1});
    while (!frontier.empty()) {
        scratch.charge();
        const Candidate current = frontier.front();
        if (pool.size() >= aim.size && nearer(pool.back(), current)) break;
        std::pop_heap(frontier.begin(), frontier.end(), farther);
        frontier.pop_back();
        const Links links = segment.links(current.node);
        ++course.expanded;
        take(links);
        if (current.node < upper_rows) take(segment.upper_links(current.node));
        course.measured = scratch.measured - before;
        course.is_whole = course.measured <= aim.budget;
        if (!course.is_whole) break;
    }
    return course;
}

enum class End { found, too_long, unsure };

// Walks, and once more if that did not go well.
template <class Walk>
End walk_until_sure(const Walk& walk, Aim aim, uint32_t ef, uint32_t matches, bool minds_thin) {
    const Course course = walk(aim);
    if (!course.is_whole) return End::too_long;
    const bool is_thin = minds_thin && course.is_thin();
    if (!is_thin && !course.is_restless()) return End::found;
    const uint64_t scanned = is_thin ? SCANNED_PER_EF * ef : SCANNED_PER_MEASURED * course.measured;
    if (matches <= scanned) return End::unsure;
    const size_t growth = is_thin ? THIN_GROWTH : RESTLESS_GROWTH;
    aim.size = std::min<size_t>(matches, growth * aim.size);
    aim.budget *= growth;
    aim.is_thorough = true;
    return walk(aim).is_whole ? End::found : End::too_long;
}

}  // namespace

bool walk_masked(const Segment& segment, const Anchor& anchor, uint32_t ef, uint32_t watched,
                 const Mask& mask, uint32_t matches, Scratch& scratch) {
    End end = End::too_long;
    if (matches >= WIDE_SHARE * segment.vector_rows()) {
        const auto walk = [&](const Aim& aim) { return walk_wide(segment, anchor, mask, aim, scratch); };
        const size_t size = std::min(ef, matches);
        // The few nearest lie in one group, which such a walk has come to.
        const bool minds_thin = 4 * watched > size;
        end = walk_until_sure(walk, {size, watched, WIDE_MEASURED * size, false}, ef, matches, minds_thin);
    }
    if (end == End::too_long) {
        const auto walk = [&](const Aim& aim) {
            return MaskedWalk(segment, anchor, mask, aim, scratch).run();
        };
        const size_t size = masked_ef(ef, matches, segment.vector_rows());
        const uint64_t budget = std::max<uint64_t>(matches, 2 * size);
        end = walk_until_sure(walk, {size, watched, budget, false}, ef, matches, true);
    }
    return end == End::found && scratch.pool.size() >= std::min(ef, matches);
}

}  // namespace asteroid
