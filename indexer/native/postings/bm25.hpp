// BM25 over some parts of a snapshot: the k rows with the highest scores, ties by id.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postings/candidates.hpp"
#include "postings/index.hpp"
#include "search/best.hpp"
#include "threads/allowance.hpp"

namespace asteroid {

constexpr double BM25_K1 = 1.2, BM25_B = 0.75;

struct TextPart {
    const TextIndex* index;
    const Part* part;
    Visible visible;
    Mask mask;         // of the rows that may be found, which are all alive; none: all that are alive
    uint32_t matches;  // how many these are
};

// One word in one field.
struct TextTerm {
    std::string name;  // as Run::find takes it
    uint32_t field;
    uint32_t word;   // which of the query's different words it is
    double weight;   // how often the query has it
};

struct TextQuery {
    std::vector<TextTerm> terms;
    uint32_t words = 0;
    bool needs_all = false;       // each word in some field
    std::vector<Phrase> phrases;  // if any, one of them
    uint32_t k = 10;
    bool counts = false;  // count all rows that match, which takes looking at each of them
};

struct TextAnswer {
    std::vector<Hit> hits;  // the distance is the score
    uint64_t matches = 0;   // if it was to be counted
    uint64_t postings = 0;  // that were read
};

// Throws Cancelled, DamagedSegment.
TextAnswer search_text(const std::vector<TextPart>& parts, const TextQuery& query, Allowance* allowance);

}  // namespace asteroid
