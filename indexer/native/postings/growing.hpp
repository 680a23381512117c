// A run that grows row by row: the postings of the tail, and what a file's run is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "postings/payload_text.hpp"
#include "postings/run.hpp"
#include "words/stemmer.hpp"
#include "words/words.hpp"

namespace asteroid {

// Between the texts of an array lie so many positions: no phrase goes across.
constexpr uint32_t TEXT_GAP = 100;
constexpr size_t TEXT_FIELDS_MAX = 16;

struct TextField {
    std::vector<std::string> path;
    std::string language;  // none: words are not stemmed
};

// The sections of a run, ready to be written; see FileRun.
struct RunSections {
    uint32_t rows = 0, terms = 0;
    std::vector<uint8_t> groups, words, postings, positions;
    std::vector<std::pair<unsigned, std::vector<uint8_t>>> lengths;  // width and bytes of each field
};

class GrowingRun : public Run {
  public:
    GrowingRun(const std::vector<TextField>& fields, uint32_t first);

    // The next row's payload.
    void add(std::string_view payload);

    uint32_t first() const override { return first_; }
    uint32_t rows() const override { return rows_; }
    size_t bytes() const { return bytes_; }  // RAM, about
    bool find(std::string_view term, PostingList& list) const override;
    Lengths lengths(size_t field) const override {
        return {reinterpret_cast<const uint8_t*>(lengths_[field].data()), 4};
    }

    RunSections sections() const;

  private:
    struct Term {
        uint32_t count = 0, last_row = uint32_t(-1);
        std::vector<uint8_t> rows, positions;
    };
    struct Token {
        uint32_t term, position;
    };

    void index(size_t field);
    uint32_t term_of(size_t field, std::string_view word, bool is_cjk);
    uint32_t term_named(std::string_view name);
    void note(const Token* first, const Token* last);
    void append_list(const Term& term, size_t field, std::vector<uint8_t>& out) const;

    const uint32_t first_;
    uint32_t rows_ = 0;
    size_t bytes_ = 0;
    PayloadTexts texts_;
    std::vector<std::unique_ptr<Stemmer>> stemmers_;  // none for fields without a language
    WordReader reader_;
    std::vector<Term> terms_;
    std::unordered_map<std::string, uint32_t> by_name_;
    std::unordered_map<std::string, uint32_t> by_word_;  // before it is stemmed
    std::vector<std::vector<uint32_t>> lengths_;
    std::vector<Token> tokens_;
    std::string name_, text_;
};

}  // namespace asteroid
