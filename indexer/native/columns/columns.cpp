#include "columns/columns.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>

#include "columns/instants.hpp"
#include "json/numbers.hpp"

namespace asteroid {
namespace {

constexpr uint32_t NO_ROW = 0xffffffffu;
constexpr size_t NAME_BYTES_MAX = 256;
constexpr size_t NUMBER_ENTRY_BYTES = 12;  // a key and a row
constexpr size_t SORTING_BYTES = 16;       // what sorting adds an entry
constexpr size_t TEXT_BYTES_MAX = 0xffffffffu;  // ends of texts have 32 bits
constexpr size_t SPARSE_KEY_EVERY = 16;

// A payload that columns cannot describe, though it is JSON.
struct NotDescribed {};

// Cuts sorted entries into groups: one a key, or one for SPARSE_KEY_EVERY keys.
template <class Same, class Keep>
void group(Column& column, size_t n, size_t exact_max, const Same& same, const Keep& keep) {
    size_t keys = 0;
    for (size_t i = 0; i < n; ++i) keys += i == 0 || !same(i - 1, i);
    column.exact = keys <= exact_max;
    const size_t every = column.exact ? 1 : SPARSE_KEY_EVERY;
    size_t key = 0;
    for (size_t i = 0; i < n; ++i) {
        if (i > 0 && same(i - 1, i)) continue;
        if (key++ % every) continue;
        column.starts.push_back(uint32_t(i));
        keep(i);
    }
    column.starts.push_back(uint32_t(n));
}

}  // namespace

uint8_t fingerprint(const char* text, size_t bytes) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < bytes; ++i) hash = (hash ^ uint8_t(text[i])) * 16777619u;
    return uint8_t(hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24);
}

size_t Shredder::Entries::bytes() const {
    return rows.size() * (sizeof(uint32_t) + SORTING_BYTES) + numbers.size() * sizeof(double) + text.size() +
           ends.size() * sizeof(uint32_t) + prints.size();
}

Shredder::Shredder(uint32_t paths_max, int depth_max, size_t bytes_max)
    : paths_max_(paths_max), depth_max_(depth_max), bytes_max_(std::min(bytes_max, TEXT_BYTES_MAX)) {
    paths_.push_back({ROOT, "", false, 0, NO_ROW});
}

void Shredder::want_only(const std::vector<ColumnName>& columns) {
    wants_all_ = false;
    for (const ColumnName& name : columns) columns_[name];
}

uint32_t Shredder::path_of(uint32_t parent, const std::string& name, bool is_element) {
    const auto found = by_name_.find({parent, is_element, name});
    if (found != by_name_.end()) return found->second;
    const int depth = paths_[parent].depth + 1;
    if (paths_.size() > paths_max_ || depth > depth_max_ || name.size() > NAME_BYTES_MAX) {
        is_complete_ = false;
        return ROOT;
    }
    const uint32_t path = uint32_t(paths_.size());
    paths_.push_back({parent, name, is_element, depth, NO_ROW});
    by_name_[{parent, is_element, name}] = path;
    return path;
}

void Shredder::add(const char* text, size_t bytes) {
    if (bytes > 0) {
        in_ = JsonReader(text, bytes);
        try {
            members(ROOT, 0);
            in_.expect_end();
        } catch (const JsonError&) {
            unindexed_.push_back(row_);  // readers ignore what columns say of it
        } catch (const NotDescribed&) {
            unindexed_.push_back(row_);
        }
    }
    ++row_;
}

void Shredder::members(uint32_t path, int depth) {
    in_.expect('{');
    if (in_.take('}')) return;
    do {
        unescape(in_.key(), name_);
        const uint32_t child = path_of(path, name_, false);
        if (child == ROOT) {
            skip();
            continue;
        }
        if (paths_[child].last_row == row_) throw NotDescribed();  // a name that is given twice
        paths_[child].last_row = row_;
        value(child, depth + 1);
    } while (in_.take(','));
    in_.expect('}');
}

void Shredder::skip() {
    in_.next();
    in_.value(JsonReader::DEPTH_LIMIT);
}

void Shredder::value(uint32_t path, int depth) {
    switch (in_.next()) {
        case '{':
            note(path, ColumnKind::tag, double(Tag::object));
            return members(path, depth);  // as deep as paths go, for what is deeper is skipped
        case '[':
            note(path, ColumnKind::tag, double(Tag::array));
            return array(path);
        default:
            return element(path);
    }
}

void Shredder::array(uint32_t path) {
    in_.expect('[');
    const uint32_t elements = path_of(path, "", true);
    uint32_t length = 0;
    if (!in_.take(']')) {
        do {
            ++length;
            const char next = in_.next();
            if (elements != ROOT && next != '{' && next != '[') {
                element(elements);
                continue;
            }
            if (elements != ROOT)
                note(elements, ColumnKind::tag, double(next == '{' ? Tag::object : Tag::array));
            skip();
        } while (in_.take(','));
        in_.expect(']');
    }
    note(path, ColumnKind::length, length);
}

void Shredder::element(uint32_t path) {
    switch (in_.next()) {
        case '"':
            unescape(in_.string(), string_);
            note_string(path);
            if (Moment moment; !paths_[path].is_element && moment_of(string_, moment)) {
                if (moment.has_offset) return note(path, ColumnKind::instant, moment.second);
                note(path, ColumnKind::date, moment.key());
            }
            return;
        case 't':
            in_.literal("true");
            return note(path, ColumnKind::tag, double(Tag::yes));
        case 'f':
            in_.literal("false");
            return note(path, ColumnKind::tag, double(Tag::no));
        case 'n':
            in_.literal("null");
            return note(path, ColumnKind::tag, double(Tag::null));
        default:
            return note(path, ColumnKind::number, nearest_double(in_.number()));
    }
}

Shredder::Entries* Shredder::entries(uint32_t path, ColumnKind kind) {
    const ColumnName name{path, kind};
    const auto found = columns_.find(name);
    if (found != columns_.end()) return &found->second;
    if (!wants_all_ || dropped_.count(name)) return nullptr;
    return &columns_[name];
}

void Shredder::note(uint32_t path, ColumnKind kind, double number) {
    Entries* const into = entries(path, kind);
    if (!into) return;
    into->numbers.push_back(number);
    into->rows.push_back(row_);
    grown(NUMBER_ENTRY_BYTES + SORTING_BYTES);
}

void Shredder::note_string(uint32_t path) {
    Entries* const into = entries(path, ColumnKind::string);
    if (!into) return;
    const size_t length = std::min(string_.size(), KEY_BYTES);
    into->text.insert(into->text.end(), string_.begin(), string_.begin() + ptrdiff_t(length));
    into->ends.push_back(uint32_t(into->text.size()));
    into->rows.push_back(row_);
    into->prints.push_back(fingerprint(string_.data(), string_.size()));
    grown(length + 2 * sizeof(uint32_t) + 1 + SORTING_BYTES);
}

void Shredder::grown(size_t bytes) {
    bytes_ += bytes;
    while (bytes_ > bytes_max_ && !columns_.empty()) {
        const auto largest = std::max_element(columns_.begin(), columns_.end(), [](auto& a, auto& b) {
            return a.second.bytes() < b.second.bytes();
        });
        if (largest->second.rows.empty()) return;
        dropped_.insert(largest->first);
        columns_.erase(largest);
        bytes_ = 0;
        for (const auto& [name, entries] : columns_) bytes_ += entries.bytes();
    }
}

std::vector<ColumnName> Shredder::columns() const {
    std::vector<ColumnName> names;
    for (const auto& [name, entries] : columns_)
        if (!entries.rows.empty()) names.push_back(name);
    return names;
}

Column Shredder::column(const ColumnName& name, size_t exact_max) const {
    const Entries& entries = columns_.at(name);
    return name.kind == ColumnKind::string ? strings_of(entries, exact_max) : numbers_of(entries, exact_max);
}

Column Shredder::numbers_of(const Entries& entries, size_t exact_max) const {
    std::vector<std::pair<double, uint32_t>> sorted(entries.rows.size());
    for (size_t i = 0; i < sorted.size(); ++i) sorted[i] = {entries.numbers[i], entries.rows[i]};
    std::sort(sorted.begin(), sorted.end());
    Column column;
    column.rows.reserve(sorted.size());
    for (const auto& [number, row] : sorted) column.rows.push_back(row);
    group(
        column, sorted.size(), exact_max,
        [&](size_t a, size_t b) { return sorted[a].first == sorted[b].first; },
        [&](size_t i) { column.numbers.push_back(sorted[i].first); });
    return column;
}

Column Shredder::strings_of(const Entries& entries, size_t exact_max) const {
    // The first eight bytes, as a number that orders as they do, decide most comparisons.
    std::vector<std::pair<uint64_t, uint32_t>> sorted(entries.rows.size());
    const auto key = [&entries](uint32_t entry) {
        const uint32_t start = entry ? entries.ends[entry - 1] : 0;
        return std::string_view(entries.text.data() + start, entries.ends[entry] - start);
    };
    for (uint32_t i = 0; i < sorted.size(); ++i) {
        uint64_t first = 0;
        const std::string_view text = key(i);
        for (size_t j = 0; j < 8; ++j) first = first << 8 | (j < text.size() ? uint8_t(text[j]) : 0);
        sorted[i] = {first, i};
    }
    std::sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) {
        if (a.first != b.first) return a.first < b.first;
        const int order = key(a.second).compare(key(b.second));
        return order != 0 ? order < 0 : a.second < b.second;
    });
    Column column;
    column.rows.reserve(sorted.size());
    for (const auto& [first, entry] : sorted) column.rows.push_back(entries.rows[entry]);
    group(
        column, sorted.size(), exact_max,
        [&](size_t a, size_t b) {
            return sorted[a].first == sorted[b].first && key(sorted[a].second) == key(sorted[b].second);
        },
        [&](size_t i) {
            const std::string_view text = key(sorted[i].second);
            column.text.insert(column.text.end(), text.begin(), text.end());
            column.ends.push_back(uint32_t(column.text.size()));
        });
    if (!column.exact)
        for (const auto& [first, entry] : sorted) column.prints.push_back(entries.prints[entry]);
    return column;
}

}  // namespace asteroid
