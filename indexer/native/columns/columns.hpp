// Payloads, shredded into columns: for each path through objects, its values in ascending order and the rows
// that have them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "json/reader.hpp"

namespace asteroid {

// Beside the values themselves: lengths of arrays, the seconds that texts of RFC 3339 name, and the moments
// that dates and times without an offset name.
enum class ColumnKind : uint8_t { tag, number, string, length, instant, date };

// What a tag column says of a value. Numbers and strings have columns of their own.
enum class Tag : uint8_t { null, no, yes, array, object };

// A column to be made, or one that there was no room for.
struct ColumnName {
    uint32_t path;
    ColumnKind kind;
    bool operator<(const ColumnName& other) const {
        return std::tie(path, kind) < std::tie(other.path, other.kind);
    }
};

// Values in ascending order, in groups. Every entry of group i has the key i, if the column is exact; else
// keys are sparse: an entry of group i is at least key i and less than key i + 1.
struct Column {
    bool exact;
    std::vector<double> numbers;    // keys, unless they are strings
    std::vector<char> text;         // the keys of strings, cut to KEY_BYTES, one after the other
    std::vector<uint32_t> ends;     // where each of these ends
    std::vector<uint32_t> starts;   // where each group starts in rows, then how many rows there are
    std::vector<uint32_t> rows;     // ascending within a key
    std::vector<uint8_t> prints;    // of each entry's whole string, where keys of strings are sparse
};

// A byte that tells most strings apart: FNV-1a, folded.
uint8_t fingerprint(const char* text, size_t bytes);

// A path from the root of a payload: names of members, and whether it ends in "an element of this array".
struct FieldPath {
    uint32_t parent;
    std::string name;
    bool is_element;
    int depth;
    uint32_t last_row;  // the newest row that has it, to notice a name given twice
};

class Shredder {
  public:
    static constexpr uint32_t ROOT = 0;
    static constexpr size_t KEY_BYTES = 32;

    // Holds entries of at most `bytes_max`; what does not fit is dropped, the largest column first.
    Shredder(uint32_t paths_max, int depth_max, size_t bytes_max);

    // Makes only these columns, of paths that `path_of` has been asked for already.
    void want_only(const std::vector<ColumnName>& columns);
    // The path of a member or of an array's elements, made if need be; ROOT when there are too many.
    uint32_t path_of(uint32_t parent, const std::string& name, bool is_element);

    // The next row's payload; an empty text has no fields.
    void add(const char* text, size_t bytes);

    // Sorts; groups of one key each unless that makes more than `exact_max` of them, then sparse keys.
    Column column(const ColumnName& name, size_t exact_max) const;

    const std::vector<FieldPath>& paths() const { return paths_; }
    std::vector<ColumnName> columns() const;
    std::vector<ColumnName> dropped() const { return {dropped_.begin(), dropped_.end()}; }
    // Rows that columns do not describe.
    const std::vector<uint32_t>& unindexed() const { return unindexed_; }
    bool is_complete() const { return is_complete_; }  // no path was left out

  private:
    struct Entries {
        std::vector<double> numbers;
        std::vector<char> text;
        std::vector<uint32_t> ends;
        std::vector<uint32_t> rows;
        std::vector<uint8_t> prints;
        size_t bytes() const;
    };

    void members(uint32_t path, int depth);
    void value(uint32_t path, int depth);
    void array(uint32_t path);
    void element(uint32_t path);
    void skip();
    void note(uint32_t path, ColumnKind kind, double number);
    void note_string(uint32_t path);
    Entries* entries(uint32_t path, ColumnKind kind);
    void grown(size_t bytes);
    Column numbers_of(const Entries& entries, size_t exact_max) const;
    Column strings_of(const Entries& entries, size_t exact_max) const;

    uint32_t paths_max_;
    int depth_max_;
    size_t bytes_max_, bytes_ = 0;
    bool wants_all_ = true, is_complete_ = true;
    std::vector<FieldPath> paths_;
    std::map<std::tuple<uint32_t, bool, std::string>, uint32_t> by_name_;
    std::map<ColumnName, Entries> columns_;
    std::set<ColumnName> dropped_;
    std::vector<uint32_t> unindexed_;
    uint32_t row_ = 0;
    JsonReader in_{nullptr, 0};
    std::string name_, string_;
};

}  // namespace asteroid
