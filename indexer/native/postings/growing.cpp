#include "postings/growing.hpp"

#include <algorithm>

namespace asteroid {
namespace {

constexpr size_t TERM_BYTES = 200;  // of a term beside its name and postings: its places in the tables
constexpr size_t WORD_BYTES = 80;

std::vector<std::vector<std::string>> paths_of(const std::vector<TextField>& fields) {
    std::vector<std::vector<std::string>> paths;
    for (const TextField& field : fields) paths.push_back(field.path);
    return paths;
}

void append_u32(std::vector<uint8_t>& out, uint32_t value) {
    const uint8_t* const bytes = reinterpret_cast<const uint8_t*>(&value);
    out.insert(out.end(), bytes, bytes + 4);
}

uint16_t capped(uint32_t value) { return uint16_t(std::min<uint32_t>(value, 65535)); }

}  // namespace

GrowingRun::GrowingRun(const std::vector<TextField>& fields, uint32_t first)
    : first_(first), texts_(paths_of(fields)), stemmers_(fields.size()), lengths_(fields.size()) {
    for (size_t i = 0; i < fields.size(); ++i)
        if (!fields[i].language.empty()) stemmers_[i] = std::make_unique<Stemmer>(fields[i].language);
}

void GrowingRun::add(std::string_view payload) {
    texts_.read(payload);
    for (size_t field = 0; field < lengths_.size(); ++field) index(field);
    ++rows_;
    bytes_ += 4 * lengths_.size();
}

void GrowingRun::index(size_t field) {
    tokens_.clear();
    uint32_t position = 0;
    for (const std::string_view raw : texts_.of(field)) {
        std::string_view text = raw;
        if (raw.find('\\') != std::string_view::npos) {
            unescape(raw, text_);
            text = text_;
        }
        reader_.read(text, [&](std::string_view word, bool is_cjk) {
            tokens_.push_back({term_of(field, word, is_cjk), position++});
        });
        position += TEXT_GAP;
    }
    lengths_[field].push_back(uint32_t(tokens_.size()));
    std::sort(tokens_.begin(), tokens_.end(), [](const Token& a, const Token& b) {
        return a.term < b.term || (a.term == b.term && a.position < b.position);
    });
    for (size_t first = 0, last = 0; first < tokens_.size(); first = last) {
        while (last < tokens_.size() && tokens_[last].term == tokens_[first].term) ++last;
        note(tokens_.data() + first, tokens_.data() + last);
    }
}

void GrowingRun::note(const Token* first, const Token* last) {
    Term& term = terms_[first->term];
    const size_t before = term.rows.capacity() + term.positions.capacity();
    const uint32_t times = uint32_t(last - first), gap = rows_ - term.last_row - 1;
    append_varint(term.rows, gap << 1 | (times > 1));
    if (times > 1) append_varint(term.rows, times - 2);
    uint32_t position = 0;
    for (const Token* token = first; token != last; position = token->position, ++token)
        append_varint(term.positions, token->position - position);
    term.last_row = rows_;
    ++term.count;
    bytes_ += term.rows.capacity() + term.positions.capacity() - before;
}

uint32_t GrowingRun::term_of(size_t field, std::string_view word, bool is_cjk) {
    name_.assign(1, char(field));
    name_ += word;
    if (!stemmers_[field] || is_cjk) return term_named(name_);
    const auto known = by_word_.find(name_);
    if (known != by_word_.end()) return known->second;
    std::string stemmed(1, char(field));
    stemmed += stemmers_[field]->stem(word).substr(0, WORD_BYTES_MAX);
    const uint32_t term = term_named(stemmed);
    bytes_ += WORD_BYTES + name_.size();
    by_word_.emplace(name_, term);
    return term;
}

uint32_t GrowingRun::term_named(std::string_view name) {
    const auto [slot, is_new] = by_name_.try_emplace(std::string(name), uint32_t(terms_.size()));
    if (is_new) {
        terms_.emplace_back();
        bytes_ += TERM_BYTES + name.size();
    }
    return slot->second;
}

bool GrowingRun::find(std::string_view name, PostingList& list) const {
    const auto found = by_name_.find(std::string(name));
    if (found == by_name_.end()) return false;
    const Term& term = terms_[found->second];
    list = {};
    list.rows = term.rows.data();
    list.rows_end = list.rows + term.rows.size();
    list.positions = term.positions.data();
    list.positions_end = list.positions + term.positions.size();
    list.count = term.count;
    return true;
}

void GrowingRun::append_list(const Term& term, size_t field, std::vector<uint8_t>& out) const {
    append_varint(out, term.count);
    if (term.count > BLOCK_ROWS) {
        const uint8_t *at = term.rows.data(), *const end = at + term.rows.size();
        const uint8_t *place = term.positions.data(), *const places_end = place + term.positions.size();
        uint32_t row = uint32_t(-1);
        for (uint32_t left = term.count; left > 0;) {
            Skip skip{0, 0, 0, 0, 65535};
            const uint32_t rows = std::min(left, BLOCK_ROWS);
            for (uint32_t i = 0; i < rows; ++i) {
                const uint32_t head = read_varint(at, end);
                const uint32_t times = head & 1 ? 2 + read_varint(at, end) : 1;
                row += (head >> 1) + 1;
                for (uint32_t j = 0; j < times; ++j) read_varint(place, places_end);
                skip.times_max = std::max(skip.times_max, capped(times));
                skip.length_min = std::min(skip.length_min, capped(lengths_[field][row]));
            }
            skip.last_row = row;
            skip.rows_end = uint32_t(at - term.rows.data());
            skip.positions_end = uint32_t(place - term.positions.data());
            const uint8_t* const bytes = reinterpret_cast<const uint8_t*>(&skip);
            out.insert(out.end(), bytes, bytes + sizeof(Skip));
            left -= rows;
        }
    }
    out.insert(out.end(), term.rows.begin(), term.rows.end());
}

RunSections GrowingRun::sections() const {
    std::vector<const std::pair<const std::string, uint32_t>*> names;
    names.reserve(by_name_.size());
    for (const auto& name : by_name_) names.push_back(&name);
    std::sort(names.begin(), names.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
    RunSections out;
    out.rows = rows_;
    out.terms = uint32_t(names.size());
    std::string_view before;
    for (size_t i = 0; i < names.size(); ++i) {
        const std::string& name = names[i]->first;
        const Term& term = terms_[names[i]->second];
        size_t shared = 0;
        if (i % FileRun::GROUP_TERMS == 0) {
            append_u32(out.groups, uint32_t(out.words.size()));
            append_u32(out.groups, uint32_t(out.postings.size()));
            append_u32(out.groups, uint32_t(out.positions.size()));
        } else {
            const size_t most = std::min(before.size(), name.size());
            while (shared < most && before[shared] == name[shared]) ++shared;
        }
        out.words.push_back(uint8_t(shared));
        out.words.push_back(uint8_t(name.size() - shared));
        out.words.insert(out.words.end(), name.begin() + ssize_t(shared), name.end());
        const size_t start = out.postings.size();
        append_list(term, uint8_t(name[0]), out.postings);
        append_varint(out.words, uint32_t(out.postings.size() - start));
        append_varint(out.words, uint32_t(term.positions.size()));
        out.positions.insert(out.positions.end(), term.positions.begin(), term.positions.end());
        before = name;
    }
    for (const std::vector<uint32_t>& lengths : lengths_) {
        const uint32_t most = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
        const unsigned width = most < 256 ? 1 : most < 65536 ? 2 : 4;
        std::vector<uint8_t> bytes;
        bytes.reserve(lengths.size() * width);
        for (const uint32_t length : lengths)
            for (unsigned i = 0; i < width; ++i) bytes.push_back(uint8_t(length >> 8 * i));
        out.lengths.emplace_back(width, std::move(bytes));
    }
    return out;
}

}  // namespace asteroid
