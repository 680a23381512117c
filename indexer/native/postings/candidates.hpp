// Which rows of a run have all of some words, or a phrase; ascending, dead ones too.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "postings/run.hpp"
#include "threads/allowance.hpp"

namespace asteroid {

// What reading a posting is reported as; the steps of an allowance are components of vectors.
constexpr uint64_t POSTING_STEPS = 16;

// Each word may stand in several lists, one a field; those below `rows` that each word has.
std::vector<uint32_t> rows_with_all(const std::vector<std::vector<PostingList>>& words, uint32_t rows,
                                    Allowance* allowance);

// A phrase in one field: its terms, each with its place.
using Phrase = std::vector<std::pair<std::string, uint32_t>>;

// Those in which one of the phrases stands: all its terms, each at its place from some position on.
std::vector<uint32_t> rows_with_phrase(const Run& run, const std::vector<Phrase>& phrases, uint32_t rows,
                                       Allowance* allowance);

}  // namespace asteroid
