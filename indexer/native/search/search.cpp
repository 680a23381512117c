#include "search/search.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quant/query.hpp"
#include "search/best.hpp"
#include "search/left_out.hpp"
#include "search/masked_walk.hpp"
#include "search/scan.hpp"
#include "search/walk.hpp"
#include "threads/parallel.hpp"

namespace asteroid {
namespace {

// A walk is repeated, each time twice as far, while first bytes leave open what it had no room for; when it
// has been so many times as far as was asked, the part is scanned.
constexpr uint32_t WIDER_MAX = 8;
// Ranks that differ by less, relatively, are a tie.
constexpr float TIE = 1e-5f;
// A walk that finds nearer rows to its very end goes on, up to so many times as far as was asked.
constexpr uint32_t GROWTH_MAX = 32;
// It watches so many of the nearest at least: that a single one has not changed says little.
constexpr uint32_t WATCHED_MIN = 10;
// See Reach::patience. It is the share of so many candidates that each neighbour has: who asks for more
// of them wants to be surer.
constexpr float PATIENCE_MAX = 0.8f, CANDIDATES = 12;
// See Reach::calm. A short walk finds near rows nearly to its end, and who asks for one wants it short.
constexpr float CALM_MAX = 1.0f / 3, CALM_EF = 192;
// Under ip the nearest rows are in several directions from the query, and a walk can end at some of them:
// it looks at so many candidates at least.
constexpr uint32_t IP_EF_MIN = 256;
// From this share of matching rows on, a part is walked as if all matched. What does not is left out
// afterwards.
constexpr double MOSTLY = 0.75;

// One search over the parts of a snapshot.
class Search {
  public:
    Search(const std::vector<PartPlan>& parts, const Query& query, const SearchOptions& options,
           Scratch& scratch)
        : parts_(parts),
          query_(query),
          options_(options),
          scratch_(scratch),
          order_(parts_of(parts, all_)),
          best_(options.k, order_),
          left_out_(parts.size(), std::numeric_limits<double>::infinity()) {
        size_t matching = 0;
        for (const PartPlan& plan : parts) {
            if (!is_scanned(plan)) walked_rows_ += plan.matches;
            matching += plan.matches > 0;
        }
        is_alone_ = matching <= 1;
        scratch.begin(options.allowance);
    }

    Answer run() {
        for (const uint32_t number : largest_first()) look_at(number);
        const size_t first_walks = walked_.size();  // walking again adds to the list
        for (size_t i = 0; i < first_walks; ++i) {
            const Walked walked = walked_[i];
            if (walked.ef < options_.ef && walked.edge <= bound()) walk_again(walked.number, options_.ef);
        }
        scratch_.charge_all();
        return answer();
    }

  private:
    // How far a part has been walked, and how near the last node was from which it was.
    struct Walked {
        uint32_t number;
        uint32_t ef;
        float edge;
    };

    static const std::vector<const Part*>& parts_of(const std::vector<PartPlan>& plans,
                                                    std::vector<const Part*>& parts) {
        for (const PartPlan& plan : plans) parts.push_back(plan.part);
        return parts;
    }

    bool is_scanned(const PartPlan& plan) const {
        return options_.exact || query_.is_beyond_first_bytes() || plan.scan || !plan.segment;
    }

    // What is found in the large parts tells how far to look in the others.
    std::vector<uint32_t> largest_first() const {
        std::vector<uint32_t> order;
        for (uint32_t i = 0; i < parts_.size(); ++i)
            if (parts_[i].matches > 0) order.push_back(i);
        std::stable_sort(order.begin(), order.end(),
                         [&](uint32_t a, uint32_t b) { return parts_[a].matches > parts_[b].matches; });
        return order;
    }

    void look_at(uint32_t number) {
        const PartPlan& plan = parts_[number];
        begin_steps(1);
        if (options_.exact || query_.is_beyond_first_bytes())
            return scan_exactly(plan, number, query_, best_, scratch_);
        if (is_scanned(plan)) return look_at_all(number);
        // Of many parts each is walked less far: together they are to cost little more than one. A part that
        // proves to hold more than its share is walked again.
        const double share = double(plan.matches) / double(walked_rows_);
        walk_until_closed(number, std::max(uint32_t(std::ceil(options_.ef * std::sqrt(share))), sure()));
    }

    // What each part is walked at least: no more than one part alone would be, but for ip.
    uint32_t sure() const {
        const bool is_ip = parts_.front().part->shape().metric == Metric::ip;
        return is_ip ? IP_EF_MIN : std::min(Reach::SURE, options_.ef);
    }

    // What was measured until now is counted; what comes costs so many times as much as in a scan.
    void begin_steps(uint32_t cost) {
        scratch_.charge_all();
        scratch_.row_steps = uint64_t(cost) * parts_.front().part->shape().dim;
    }

    void look_at_all(uint32_t number) {
        begin_steps(1);
        const uint32_t keep = is_alone_ ? 0 : options_.ef;
        scan(parts_[number], number, query_, options_.k, keep, best_, scratch_);
        left_out_[number] = std::numeric_limits<double>::infinity();
        note_distances();
    }

    void walk_again(uint32_t number, uint32_t ef) {
        best_.forget(number);
        walk_until_closed(number, ef);
    }

    // Walks a part, farther and farther while it may hide nearer rows than what was found.
    void walk_until_closed(uint32_t number, uint32_t ef) {
        const PartPlan& plan = parts_[number];
        const uint32_t first_ef = ef;
        begin_steps(WALK_COST);
        for (;; ef *= 2) {
            if (!walk_once(plan, ef)) break;
            const bool is_open = measure_pool(plan, number);
            if (!is_open || scratch_.pool.size() == plan.matches) {
                note_walk(number, ef);
                if (options_.bounds)
                    left_out_[number] = nearest_left_out(plan, query_, settled_, best_.limit(), scratch_);
                return;
            }
            if (ef >= WIDER_MAX * first_ef) break;
            best_.forget(number);
        }
        ++rescanned_;
        best_.forget(number);
        look_at_all(number);
    }

    // False when a walk found too few, or took too long.
    bool walk_once(const PartPlan& plan, uint32_t ef) {
        const uint32_t keep = std::max(ef, options_.k);
        const Segment& segment = *plan.segment;
        const Anchor& anchor = query_.anchor(segment.is_of_0_1());
        bool complete = true;
        if (plan.matches < MOSTLY * plan.rows || !walk_all(plan, anchor, keep)) {
            complete = walk_masked(segment, anchor, keep, options_.k, plan.mask, plan.matches, scratch_);
            is_crowded_ = scratch_.pool.size() >= keep;
        }
        return complete && scratch_.pool.size() >= std::min(options_.k, plan.matches);
    }

    // False when most of what is near does not match: then there is little to choose from.
    bool walk_all(const PartPlan& plan, const Anchor& anchor, uint32_t keep) {
        const Segment& segment = *plan.segment;
        const double more = double(plan.rows) / plan.matches;
        const auto with_others = [more](uint32_t matching) { return uint32_t(std::ceil(matching * more)); };
        Reach reach{with_others(keep)};
        reach.bound = bound();
        reach.sure = sure();
        reach.watched = with_others(std::max(options_.k, WATCHED_MIN));
        reach.widest = uint32_t(std::min(uint64_t(GROWTH_MAX) * reach.ef, uint64_t(ROWS_MAX)));
        reach.calm = std::min(float(options_.ef) / CALM_EF, CALM_MAX);
        reach.patience = std::min(float(options_.ef) / (CANDIDATES * float(reach.watched)), PATIENCE_MAX);
        scratch_.start(segment.vector_rows());
        const uint32_t entry = segment.entry(anchor, scratch_.measured);
        walk(segment, anchor, {&entry, 1}, reach, scratch_);
        is_crowded_ = scratch_.pool.size() >= reach.ef;
        growth_ = std::max(growth_, double(scratch_.pool.size()) / reach.ef);
        if (!plan.mask.bits) return true;
        std::vector<Candidate>& pool = scratch_.pool;
        const auto is_hidden = [&](const Candidate& c) { return !plan.mask.has(c.node); };
        pool.erase(std::remove_if(pool.begin(), pool.end(), is_hidden), pool.end());
        return pool.size() >= std::min(keep, plan.matches) / 2;
    }

    // Measures the candidates that may count; whether there may be others behind them.
    bool measure_pool(const PartPlan& plan, uint32_t number) {
        const Part& part = *plan.part;
        const std::vector<Candidate>& pool = scratch_.pool;
        const size_t surely = std::min<size_t>(options_.k, pool.size());
        for (size_t i = 0; i < surely; ++i) prefetch_fine(part, pool[i].node);
        float reject = std::numeric_limits<float>::infinity();
        settled_.clear();
        for (size_t i = 0; i < pool.size() && pool[i].distance <= reject; ++i) {
            if (best_.is_full() && lowest(plan, pool[i]) > best_.limit()) continue;
            const uint8_t* record = part.record(pool[i].node);
            const double rank = query_.rank(record, part.fine(pool[i].node));
            best_.offer({0, number, pool[i].node, part.id(pool[i].node), rank});
            if (options_.bounds) settled_.push_back(pool[i].node);
            reject = query_.reject_beyond(best_.limit());
        }
        if (!is_crowded_ || !best_.is_full()) return false;  // nothing was crowded out
        const double tie = TIE * std::abs(best_.limit());
        return lowest(plan, pool.back()) < best_.limit() - tie && !is_copy(part, pool.back().node);
    }

    float lowest(const PartPlan& plan, const Candidate& candidate) const {
        const uint8_t* record = plan.part->record(candidate.node);
        return query_.bounds(candidate.distance, record, plan.segment->is_of_0_1()).low;
    }

    // Whether a row is the same vector as the farthest of the nearest: then what is behind it is no nearer.
    bool is_copy(const Part& part, uint32_t node) const {
        const Hit& worst = best_.worst();
        const Part& other = *parts_[worst.part].part;
        const size_t dim = part.shape().dim;
        return std::memcmp(part.record(node), other.record(worst.ordinal), record_bytes(part.shape())) == 0 &&
               (!part.fine(node) || std::memcmp(part.fine(node), other.fine(worst.ordinal), dim) == 0);
    }

    void prefetch_fine(const Part& part, uint32_t node) const {
        if (const uint8_t* fine = part.fine(node)) prefetch(fine, part.shape().dim);
    }

    void note_walk(uint32_t number, uint32_t ef) {
        const std::vector<Candidate>& pool = scratch_.pool;
        const uint32_t size = uint32_t(pool.size());
        if (is_crowded_ && size > 0) walked_.push_back({number, std::max(ef, size), pool.back().distance});
        note_distances();
    }

    // How near the nearest of all parts are, by first bytes: ef of them, or more once a walk has gone on.
    void note_distances() {
        if (is_alone_) return;  // it would tell other parts how far to look
        const auto middle = ptrdiff_t(nearest_.size());
        for (const Candidate& candidate : scratch_.pool) nearest_.push_back(candidate.distance);
        std::inplace_merge(nearest_.begin(), nearest_.begin() + middle, nearest_.end());
        if (nearest_.size() > candidates()) nearest_.resize(candidates());
    }

    size_t candidates() const { return size_t(growth_ * options_.ef); }
    float bound() const {
        const size_t wanted = candidates();
        return nearest_.size() < wanted ? std::numeric_limits<float>::infinity() : nearest_[wanted - 1];
    }

    Answer answer() {
        Answer answer;
        answer.visited = scratch_.measured;
        answer.rescanned = rescanned_;
        answer.hits = std::move(best_).sorted();
        for (Hit& hit : answer.hits) hit.distance = query_.distance_of(hit.rank);
        // Different ranks may round to one distance: ties are by id.
        const auto before = [&](const Hit& a, const Hit& b) {
            return a.distance < b.distance || (a.distance == b.distance && order_.id_before(a, b));
        };
        if (order_.has_names()) {  // a heap stays in bounds if what it compares is damaged meanwhile
            std::make_heap(answer.hits.begin(), answer.hits.end(), before);
            std::sort_heap(answer.hits.begin(), answer.hits.end(), before);
        } else {
            std::stable_sort(answer.hits.begin(), answer.hits.end(), before);
        }
        if (options_.bounds) answer.error_bound = error_bound(answer.hits);
        return answer;
    }

    double error_bound(const std::vector<Hit>& hits) const {
        if (hits.size() < options_.k) return 0;  // every match is among them
        const double nearest = *std::min_element(left_out_.begin(), left_out_.end());
        return nearest < hits.back().rank ? hits.back().distance - query_.distance_of(nearest) : 0;
    }

    const std::vector<PartPlan>& parts_;
    const Query& query_;
    const SearchOptions& options_;
    Scratch& scratch_;
    std::vector<const Part*> all_;  // by number
    const HitOrder order_;
    Best best_;
    uint64_t walked_rows_ = 0;
    bool is_alone_ = true;     // whether all matches are in one part
    bool is_crowded_ = false;  // whether the last walk had no room for all that it met
    double growth_ = 1;        // how many times as far as was asked the widest walk has gone
    uint32_t rescanned_ = 0;
    std::vector<Walked> walked_;
    std::vector<float> nearest_;
    std::vector<uint32_t> settled_;       // nodes of the last walk that were measured exactly
    std::vector<double> left_out_;        // of each part, the lowest rank of those that were not
};

}  // namespace

Answer search(const std::vector<PartPlan>& parts, const float* vector, const SearchOptions& options) {
    thread_local Scratch scratch;
    if (parts.empty()) return {};
    const Query query(vector, parts.front().part->shape());
    return Search(parts, query, options, scratch).run();
}

std::vector<Answer> search_many(const std::vector<PartPlan>& parts, const float* queries, size_t n,
                                const SearchOptions& options, uint32_t threads) {
    std::vector<Answer> answers(n);
    if (parts.empty()) return answers;
    const size_t dim = parts.front().part->shape().dim;
    in_parallel(n, 1, threads, [&](size_t first, size_t last) {
        for (size_t i = first; i < last; ++i) answers[i] = search(parts, queries + i * dim, options);
    });
    return answers;
}

}  // namespace asteroid
