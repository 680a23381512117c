#include "build/join.hpp"

#include <algorithm>

#include "build/prune.hpp"

namespace asteroid {
namespace {

constexpr uint32_t EF = 48;              // of the walk that finds a node's new neighbours
constexpr uint32_t ENTRIES = 64;         // where it starts when no neighbour has been joined yet
constexpr size_t FIRST_BATCH = 64;       // nodes joined before any of them is offered to others; the later
constexpr size_t LARGEST_BATCH = 16384;  // batches grow, so that a list is pruned once for many offers
constexpr size_t BLOCK = 16;
constexpr uint32_t COPIED = 256;  // rows that are read, perhaps from the disk, between two checks

// Distances from `anchor` to `rows`, appended as candidates.
void measure(const GraphBuilder& builder, const Anchor& anchor, const uint32_t* rows, size_t count,
             PruneScratch& scratch, std::vector<Candidate>& candidates) {
    scratch.records.resize(count);
    scratch.distances.resize(count);
    for (size_t i = 0; i < count; ++i) scratch.records[i] = builder.record(rows[i]);
    for (size_t i = 0; i < count; ++i) prefetch(scratch.records[i], record_bytes(builder.shape()));
    anchor.distances(scratch.records.data(), count, scratch.distances.data());
    for (size_t i = 0; i < count; ++i) candidates.push_back({scratch.distances[i], rows[i]});
}

// Sorts and prunes candidates down to what a list holds; fills up to `at_least` with the nearest others.
void choose(const GraphBuilder& builder, std::vector<Candidate>& candidates, size_t at_least,
            PruneScratch& scratch) {
    sort_unique(candidates);
    const size_t most = builder.ground_links_max();
    if (candidates.size() <= at_least) return;
    const std::vector<Candidate> all = at_least ? candidates : std::vector<Candidate>();
    candidates.resize(prune(candidates, most, builder.space(), scratch,
                            [&](uint32_t row) { return builder.record(row); }));
    for (size_t i = 0; i < all.size() && candidates.size() < at_least; ++i) {
        const auto same = [&](const Candidate& c) { return c.node == all[i].node; };
        if (std::none_of(candidates.begin(), candidates.end(), same)) candidates.push_back(all[i]);
    }
}

void write_list(GraphBuilder& builder, uint32_t row, const std::vector<Candidate>& links) {
    uint32_t* list = builder.list(row);
    list[0] = uint32_t(links.size());
    for (size_t i = 0; i < links.size(); ++i) list[1 + i] = links[i].node;
}

// New rows in an order in which most come after a neighbour.
std::vector<uint32_t> breadth_first(const GraphBuilder& builder, uint32_t first, Progress& progress) {
    CancelCheck check(progress);
    std::vector<uint32_t> order;
    std::vector<bool> reached(builder.rows() - first, false);
    order.reserve(reached.size());
    size_t next = 0;
    for (uint32_t start = first; start < builder.rows(); ++start) {
        if (reached[start - first]) continue;
        reached[start - first] = true;
        order.push_back(start);
        for (; next < order.size(); ++next) {
            check.step();
            const Links links = builder.links(order[next]);
            for (uint32_t i = 0; i < links.count; ++i) {
                if (links[i] < first || reached[links[i] - first]) continue;
                reached[links[i] - first] = true;
                order.push_back(links[i]);
            }
        }
    }
    return order;
}

struct Offer {
    uint32_t to;
    Candidate from;
};

class Joiner {
  public:
    Joiner(GraphBuilder& builder, uint32_t first, uint32_t threads, Progress& progress)
        : builder_(builder), first_(first), threads_(threads), progress_(progress) {
        for (uint32_t i = 0; i < ENTRIES; ++i) entries_.push_back(uint32_t(uint64_t(i) * first / ENTRIES));
    }

    void run() {
        const std::vector<uint32_t> order = breadth_first(builder_, first_, progress_);
        size_t size = FIRST_BATCH;
        for (size_t at = 0; at < order.size(); at += size, size = std::min(2 * size, LARGEST_BATCH))
            join_batch(order.data() + at, std::min(size, order.size() - at));
    }

  private:
    void join_batch(const uint32_t* rows, size_t n) {
        std::vector<std::vector<Candidate>> chosen(n);
        in_parallel(n, BLOCK, threads_, [&](size_t first, size_t last) {
            PruneScratch scratch;
            for (size_t i = first; i < last; ++i) choose_links(rows[i], chosen[i], scratch);
            progress_.add(last - first);
        });
        std::vector<Offer> offers;
        for (size_t i = 0; i < n; ++i) {
            write_list(builder_, rows[i], chosen[i]);
            for (const Candidate& link : chosen[i])
                offers.push_back({link.node, {link.distance, rows[i]}});
        }
        make(offers);
    }

    // What a walk over the graph so far finds for a new row, and its own links.
    void choose_links(uint32_t row, std::vector<Candidate>& candidates, PruneScratch& prune_scratch) {
        thread_local Scratch scratch;
        thread_local std::vector<uint32_t> starts;
        const Anchor anchor(builder_.record(row), builder_.space());
        const Links own = builder_.links(row);
        starts.clear();
        for (uint32_t i = 0; i < own.count; ++i) {
            const Links theirs = builder_.links(own[i]);
            for (uint32_t j = 0; j < theirs.count; ++j)
                if (theirs[j] < first_) starts.push_back(theirs[j]);
        }
        const std::vector<uint32_t>& from = starts.empty() ? entries_ : starts;
        scratch.start(builder_.rows());
        scratch.visit(row);
        walk(builder_, anchor, {from.data(), uint32_t(from.size())}, Reach{EF}, scratch);
        candidates = scratch.pool;
        measure(builder_, anchor, own.begin, own.count, prune_scratch, candidates);
        choose(builder_, candidates, 0, prune_scratch);
        candidates.resize(std::min<size_t>(candidates.size(), builder_.ground_links_max()));
    }

    // Gives each node that was chosen the links back, pruning its list where it overflows.
    void make(std::vector<Offer>& offers) {
        std::sort(offers.begin(), offers.end(), [](const Offer& a, const Offer& b) {
            return a.to < b.to || (a.to == b.to && a.from.node < b.from.node);
        });
        std::vector<size_t> groups;
        for (size_t i = 0; i < offers.size(); ++i)
            if (i == 0 || offers[i].to != offers[i - 1].to) groups.push_back(i);
        groups.push_back(offers.size());
        in_parallel(groups.size() - 1, BLOCK, threads_, [&](size_t first, size_t last) {
            PruneScratch scratch;
            std::vector<Candidate> candidates;
            for (size_t g = first; g < last; ++g)
                accept(offers.data() + groups[g], groups[g + 1] - groups[g], candidates, scratch);
            progress_.check();
        });
    }

    void accept(const Offer* offers, size_t n, std::vector<Candidate>& candidates, PruneScratch& scratch) {
        const uint32_t row = offers[0].to;
        const Links links = builder_.links(row);
        candidates.clear();
        for (size_t i = 0; i < n; ++i)
            if (std::find(links.begin, links.begin + links.count, offers[i].from.node) ==
                links.begin + links.count)
                candidates.push_back(offers[i].from);
        if (links.count + candidates.size() <= builder_.ground_links_max()) {
            uint32_t* list = builder_.list(row);
            for (const Candidate& candidate : candidates) list[++list[0]] = candidate.node;
            return;
        }
        const Anchor anchor(builder_.record(row), builder_.space());
        measure(builder_, anchor, links.begin, links.count, scratch, candidates);
        choose(builder_, candidates, 0, scratch);
        write_list(builder_, row, candidates);
    }

    GraphBuilder& builder_;
    uint32_t first_;
    uint32_t threads_;
    Progress& progress_;
    std::vector<uint32_t> entries_;
};

}  // namespace

void adopt(GraphBuilder& builder, const Segment& segment, const std::vector<uint32_t>& ordinals,
           uint32_t threads, Progress& progress) {
    const uint32_t first = builder.rows();
    std::vector<uint32_t> row_of(segment.vector_rows(), NO_NODE);
    for (uint32_t i = 0; i < ordinals.size(); ++i) row_of[ordinals[i]] = first + i;
    std::vector<uint8_t> bytes(row_bytes(builder.shape()));
    CancelCheck check(progress, COPIED);
    for (const uint32_t ordinal : ordinals) {
        check.step();
        const size_t record_size = record_bytes(builder.shape());
        std::memcpy(bytes.data(), segment.record(ordinal), record_size);
        const uint8_t* fine = segment.fine(ordinal);
        if (fine) std::memcpy(bytes.data() + record_size, fine, fine_bytes(builder.shape().dim));
        if (segment.is_of_0_1()) complete(bytes.data(), fine, builder.shape().dim);
        const uint64_t id = segment.id(ordinal);
        builder.append(&id, bytes.data(), 1);
    }
    in_parallel(ordinals.size(), BLOCK, threads, [&](size_t begin, size_t end) {
        PruneScratch scratch;
        std::vector<Candidate> candidates;
        std::vector<uint32_t> rows;
        LinkBuffer links, their_links;
        for (size_t i = begin; i < end; ++i) {
            const uint32_t row = first + uint32_t(i);
            const Links old = checked(segment.links(ordinals[i]), segment.vector_rows(), links);
            const auto add = [&](uint32_t ordinal) {
                if (row_of[ordinal] != NO_NODE && row_of[ordinal] != row) rows.push_back(row_of[ordinal]);
            };
            rows.clear();
            for (uint32_t j = 0; j < old.count; ++j) add(old[j]);
            uint32_t* list = builder.list(row);
            const bool is_whole = rows.size() == old.count && old.count <= builder.ground_links_max();
            if (is_whole) {
                list[0] = old.count;
                std::copy(rows.begin(), rows.end(), list + 1);
                continue;
            }
            for (uint32_t j = 0; j < old.count; ++j) {
                if (row_of[old[j]] != NO_NODE) continue;
                const Links theirs = checked(segment.links(old[j]), segment.vector_rows(), their_links);
                for (uint32_t t = 0; t < theirs.count; ++t) add(theirs[t]);
            }
            std::sort(rows.begin(), rows.end());
            rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
            candidates.clear();
            const Anchor anchor(builder.record(row), builder.space());
            measure(builder, anchor, rows.data(), rows.size(), scratch, candidates);
            choose(builder, candidates, std::min(old.count, builder.links_max()), scratch);
            candidates.resize(std::min<size_t>(candidates.size(), builder.ground_links_max()));
            write_list(builder, row, candidates);
        }
        progress.add(end - begin);
    });
}

void join(GraphBuilder& builder, uint32_t first, uint32_t threads, Progress& progress) {
    if (first == 0 || first >= builder.rows()) return;
    Joiner(builder, first, threads, progress).run();
    builder.is_joined = true;
}

}  // namespace asteroid
