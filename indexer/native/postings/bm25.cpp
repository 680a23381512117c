#include "postings/bm25.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "postings/candidates.hpp"

namespace asteroid {
namespace {

constexpr size_t SHORT_LENGTHS = 256;
constexpr double ROUNDING = 1 + 1e-9;  // sums of bounds are taken in another order than scores
constexpr uint32_t DENSE_SHARE = 4;    // a list of so many times the candidates is sought in, not read

// What a term gives a row: its idf times what its times and the length of the field make of it. `norms` are
// of short fields: k1 · (1 - b + b · length / the mean).
class Scorer {
  public:
    Scorer(double idf, double mean)
        : weight_(idf * (BM25_K1 + 1)), per_word_(BM25_K1 * BM25_B / mean), norms_(SHORT_LENGTHS) {
        for (size_t i = 0; i < SHORT_LENGTHS; ++i) norms_[i] = norm(uint32_t(i));
        for (size_t i = 0; i < SHORT_LENGTHS; ++i) once_.push_back(weight_ / (1 + norms_[i]));
    }
    double operator()(uint32_t times, uint32_t length) const {
        if (length < SHORT_LENGTHS && times == 1) return once_[length];
        return weight_ * times / (times + (length < SHORT_LENGTHS ? norms_[length] : norm(length)));
    }
    double most() const { return weight_; }
    double most_in(const Skip& block) const {
        return block.times_max == 65535 ? weight_ : (*this)(block.times_max, block.length_min) * ROUNDING;
    }

  private:
    double norm(uint32_t length) const { return BM25_K1 * (1 - BM25_B) + per_word_ * length; }

    double weight_, per_word_;
    std::vector<double> norms_, once_;
};

struct Ranked {
    const TextTerm* term;
    Scorer scorer;
};

// The scores of the rows of one run, kept from run to run so that only what was touched is cleared.
struct Scores {
    std::vector<double> of = std::vector<double>(RUN_ROWS_MAX);
    std::vector<uint32_t> touched;
    std::vector<double> copies;
};

class Searcher {
  public:
    Searcher(const std::vector<TextPart>& parts, const TextQuery& query, Allowance* allowance)
        : parts_(parts), query_(query), allowance_(allowance), natives_(natives(parts)), before_(natives_),
          best_(query.k, before_) {}

    TextAnswer run() {
        for (const TextPart& part : parts_) locks_.push_back(part.index->reading());
        if (rank())
            for (uint32_t i = 0; i < parts_.size(); ++i)
                for (const Run* const run : parts_[i].index->runs())
                    if (parts_[i].matches > 0 && run->first() < parts_[i].visible.rows) search(i, *run);
        answer_.hits = std::move(best_).sorted();
        return std::move(answer_);
    }

  private:
    static std::vector<const Part*> natives(const std::vector<TextPart>& parts) {
        std::vector<const Part*> all;
        for (const TextPart& part : parts) all.push_back(part.part);
        return all;
    }

    // Weighs the terms by all living rows, the weightiest first; false when nothing can match.
    bool rank() {
        std::vector<FieldTotals> totals;
        std::vector<bool> is_known(query_.words);
        for (const TextTerm& term : query_.terms) {
            while (totals.size() <= term.field) totals.push_back(totals_of(totals.size()));
            uint64_t rows = 0;
            for (const TextPart& part : parts_) rows += part.index->rows_with(term.name, part.visible);
            spend(parts_.size());
            const FieldTotals& field = totals[term.field];
            if (rows == 0 || field.rows == 0) continue;
            is_known[term.word] = true;
            // Never more, unless the file has changed since it was checked.
            const double all = double(field.rows), n = std::min(double(rows), all);
            const double idf = std::log(1 + (all - n + 0.5) / (n + 0.5));
            ranked_.push_back({&term, Scorer(idf * term.weight, double(field.words) / all)});
        }
        std::stable_sort(ranked_.begin(), ranked_.end(), [](const Ranked& a, const Ranked& b) {
            return a.scorer.most() > b.scorer.most();
        });
        const bool has_all = std::find(is_known.begin(), is_known.end(), false) == is_known.end();
        return !ranked_.empty() && (has_all || !query_.needs_all);
    }

    FieldTotals totals_of(size_t field) const {
        FieldTotals all;
        for (const TextPart& part : parts_) {
            const FieldTotals one = part.index->totals(field, part.visible);
            all.rows += one.rows;
            all.words += one.words;
        }
        return all;
    }

    struct Listed {
        const Ranked* ranked;
        PostingList list;
        Lengths lengths;
        double left;  // more than this and the lists after it can not add
    };

    void search(uint32_t number, const Run& run) {
        const TextPart& part = parts_[number];
        part_ = number, run_ = &run;
        rows_ = std::min(run.rows(), part.visible.rows - run.first());
        mask_ = part.mask.bits ? part.mask : part.visible.alive;
        lists_.clear();
        uint64_t postings = 0;
        for (const Ranked& each : ranked_) {
            PostingList list;
            if (!run.find(each.term->name, list)) continue;
            lists_.push_back({&each, list, run.lengths(each.term->field), 0});
            postings += list.count;
        }
        double left = 0;
        for (size_t i = lists_.size(); i-- > 0;)
            lists_[i].left = left += lists_[i].ranked->scorer.most() * ROUNDING;
        spend(16);
        if (lists_.empty() || left < limit()) return;
        if (query_.needs_all || !query_.phrases.empty()) return score_only(matching());
        if (part.mask.bits && part.matches < postings / DENSE_SHARE) return score_only(allowed());
        score_all();
    }

    double limit() const {
        const bool is_set = best_.is_full() && !query_.counts;
        return is_set ? best_.worst().distance : -std::numeric_limits<double>::infinity();
    }
    bool is_visible(uint32_t row) const { return mask_.has(run_->first() + row); }

    // The rows of the mask.
    std::vector<uint32_t> allowed() const {
        std::vector<uint32_t> rows;
        for (uint32_t row = 0; row < rows_; ++row)
            if (is_visible(row)) rows.push_back(row);
        return rows;
    }

    // The visible rows that have all words, or the phrase.
    std::vector<uint32_t> matching() {
        std::vector<uint32_t> rows;
        if (!query_.phrases.empty()) {
            rows = rows_with_phrase(*run_, query_.phrases, rows_, allowance_);
        } else {
            std::vector<std::vector<PostingList>> words(query_.words);
            for (const Listed& each : lists_) words[each.ranked->term->word].push_back(each.list);
            rows = rows_with_all(words, rows_, allowance_);
        }
        const auto is_out = [&](uint32_t row) { return !is_visible(row); };
        rows.erase(std::remove_if(rows.begin(), rows.end(), is_out), rows.end());
        return rows;
    }

    // Reads the lists one after the other, until too little can come to bring in a row that none of them had.
    void score_all() {
        thread_local Scores scores;
        struct Clear {  // whatever happens, the next query finds them clean
            ~Clear() {
                for (const uint32_t row : scores.touched) scores.of[row] = 0;
                scores.touched.clear();
            }
        } const clear;
        for (size_t i = 0; i < lists_.size(); ++i) {
            const bool is_long = i > 0 && lists_[i].list.count > DENSE_SHARE * scores.touched.size();
            if (is_long && is_settled(i, scores)) {
                std::sort(scores.touched.begin(), scores.touched.end());
                std::vector<Candidate> some;
                for (const uint32_t row : scores.touched) some.push_back({row, scores.of[row]});
                return finish(some, i);
            }
            add(lists_[i], i == 0 && lists_.size() == 1, i == 0, scores);
        }
        for (const uint32_t row : scores.touched) offer(row, scores.of[row]);
        answer_.matches += scores.touched.size();
    }

    // Whether rows that no list before had cannot be among the best any more.
    bool is_settled(size_t list, Scores& scores) {
        if (query_.counts) return false;
        floor_ = limit();
        if (scores.touched.size() >= query_.k) {
            scores.copies.clear();
            for (const uint32_t row : scores.touched) scores.copies.push_back(scores.of[row]);
            const auto kth = scores.copies.begin() + ssize_t(query_.k - 1);
            std::nth_element(scores.copies.begin(), kth, scores.copies.end(), std::greater<>());
            floor_ = std::max(floor_, *kth);
        }
        return lists_[list].left < floor_;
    }

    void add(const Listed& from, bool is_only, bool is_first, Scores& scores) {
        const Scorer& scorer = from.ranked->scorer;
        const double rest = from.left - scorer.most();
        Cursor cursor(from.list);
        const uint32_t blocks = std::max<uint32_t>(1, from.list.blocks());
        for (uint32_t block = 0; block < blocks; ++block) {
            const uint32_t rows = std::min(BLOCK_ROWS, from.list.count - block * BLOCK_ROWS);
            if (from.list.skips) {
                if (is_first && scorer.most_in(from.list.skip(block)) + rest < limit()) continue;
                cursor.enter(block);
            }
            const uint32_t count = from.list.skips ? rows : from.list.count;
            spend(count);
            for (uint32_t i = 0; i < count && cursor.next(); ++i) {
                const uint32_t row = cursor.row();
                if (row >= rows_) {
                    if (row >= run_->rows()) throw DamagedSegment("a term names a row that is not there");
                    return;
                }
                if (!is_visible(row)) continue;
                const double score = scorer(cursor.times(), from.lengths.of(row));
                if (is_only) {
                    offer(row, score);
                    ++answer_.matches;
                    continue;
                }
                double& sum = scores.of[row];
                if (sum == 0) scores.touched.push_back(row);
                sum += score;
            }
        }
    }

    struct Candidate {
        uint32_t row;
        double score;
    };

    void score_only(const std::vector<uint32_t>& rows) {
        std::vector<Candidate> some;
        for (const uint32_t row : rows) some.push_back({row, 0});
        floor_ = limit();
        finish(some, 0);
    }

    // Completes the scores of some rows, ascending, with the lists from `first` on.
    void finish(std::vector<Candidate>& some, size_t first) {
        floor_ = std::max(floor_, limit());
        for (size_t i = first; i < lists_.size(); ++i) {
            const Listed& from = lists_[i];
            Cursor cursor(from.list);
            bool is_over = false;
            size_t kept = 0;
            spend(some.size());
            for (Candidate each : some) {
                if (!query_.counts && each.score + from.left < floor_) continue;
                is_over = is_over || !cursor.seek(each.row);
                if (!is_over && cursor.row() == each.row)
                    each.score += from.ranked->scorer(cursor.times(), from.lengths.of(each.row));
                some[kept++] = each;
            }
            some.resize(kept);
        }
        for (const Candidate& each : some) {
            if (each.score == 0) continue;
            offer(each.row, each.score);
            ++answer_.matches;
        }
    }

    void offer(uint32_t row, double score) {
        if (best_.is_full() && score < best_.worst().distance) return;
        const uint32_t ordinal = run_->first() + row;
        best_.offer({score, part_, ordinal, parts_[part_].part->id(ordinal), -score});
    }

    void spend(uint64_t postings) {
        answer_.postings += postings;
        if (allowance_) allowance_->spend(postings * POSTING_STEPS);
    }

    const std::vector<TextPart>& parts_;
    const TextQuery& query_;
    Allowance* const allowance_;
    const std::vector<const Part*> natives_;
    const HitOrder before_;
    Best best_;
    std::vector<std::shared_lock<std::shared_mutex>> locks_;
    std::vector<Ranked> ranked_;
    std::vector<Listed> lists_;
    uint32_t part_ = 0, rows_ = 0;
    const Run* run_ = nullptr;
    Mask mask_;
    double floor_ = 0;  // a row with a lower score is not among the best
    TextAnswer answer_;
};

}  // namespace

TextAnswer search_text(const std::vector<TextPart>& parts, const TextQuery& query, Allowance* allowance) {
    return Searcher(parts, query, allowance).run();
}

}  // namespace asteroid
