#include "columns/columns.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "columns/instants.hpp"
#include "json/numbers.hpp"

namespace asteroid {
namespace {

constexpr uint32_t NO_ROW = 0xffffffffu;
constexpr size_t NAME_BYTES_MAX = 256;
constexpr size_t TEXT_BYTES_MAX = 0xffffffffu;  // ends of texts have 32 bits
constexpr size_t BUFFERS_SHARE = 4;             // of the memory, for what is read from the file and written

// A payload that columns cannot describe, though it is JSON.
struct NotDescribed {};

}  // namespace

uint8_t fingerprint(const char* text, size_t bytes) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < bytes; ++i) hash = (hash ^ uint8_t(text[i])) * 16777619u;
    return uint8_t(hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24);
}

Shredder::Shredder(uint32_t paths_max, int depth_max, size_t bytes_max, const std::string& folder,
                   size_t key_bytes)
    : paths_max_(paths_max),
      depth_max_(depth_max),
      gathered_max_(std::min(bytes_max - bytes_max / BUFFERS_SHARE, TEXT_BYTES_MAX)),
      buffer_bytes_(bytes_max / BUFFERS_SHARE),
      key_bytes_(key_bytes),
      file_(std::make_shared<WorkFile>(folder)) {
    paths_.push_back({ROOT, "", false, 0, NO_ROW});
}

void Shredder::want_only(const std::vector<ColumnName>& columns) {
    wants_all_ = false;
    for (const ColumnName& name : columns) columns_.try_emplace(name, name.kind == ColumnKind::string);
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

Entries* Shredder::entries(uint32_t path, ColumnKind kind) {
    const ColumnName name{path, kind};
    const auto found = columns_.find(name);
    if (found != columns_.end()) return &found->second;
    if (!wants_all_) return nullptr;
    return &columns_.try_emplace(name, kind == ColumnKind::string).first->second;
}

void Shredder::note(uint32_t path, ColumnKind kind, double number) {
    if (Entries* const into = entries(path, kind)) grown(into->add(number, row_));
}

void Shredder::note_string(uint32_t path) {
    Entries* const into = entries(path, ColumnKind::string);
    if (!into) return;
    const std::string_view key = std::string_view(string_).substr(0, key_bytes_);
    grown(into->add(key, row_, fingerprint(string_.data(), string_.size())));
}

void Shredder::grown(size_t bytes) {
    bytes_ += bytes;
    if (bytes_ <= gathered_max_) return;
    const auto largest = std::max_element(columns_.begin(), columns_.end(), [](auto& a, auto& b) {
        return a.second.bytes() < b.second.bytes();
    });
    largest->second.spill(*file_, buffer_bytes_);
    bytes_ = 0;
    for (const auto& [name, entries] : columns_) bytes_ += entries.bytes();
}

void Shredder::settle() {
    for (auto& [name, entries] : columns_)
        if (!entries.is_in_memory()) entries.spill(*file_, buffer_bytes_);
}

std::vector<ColumnName> Shredder::columns() const {
    std::vector<ColumnName> names;
    for (const auto& [name, entries] : columns_)
        if (entries.size() > 0) names.push_back(name);
    return names;
}

std::unique_ptr<SortedColumn> Shredder::take(const ColumnName& name, const KeysMax& most) {
    const auto found = columns_.find(name);
    if (found == columns_.end()) throw std::invalid_argument("no such column");
    Entries entries = std::move(found->second);
    columns_.erase(found);
    Groups groups(most, key_bytes_, key_bytes_ > KEY_BYTES);
    return std::make_unique<SortedColumn>(std::move(entries), file_, std::move(groups), buffer_bytes_);
}

}  // namespace asteroid
