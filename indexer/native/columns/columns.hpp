// Payloads, shredded into columns: for each path through objects, its values in ascending order and the rows
// that have them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "columns/sorted_column.hpp"
#include "json/reader.hpp"

namespace asteroid {

// Beside the values themselves: lengths of arrays, the seconds that texts of RFC 3339 name, and the moments
// that dates and times without an offset name.
enum class ColumnKind : uint8_t { tag, number, string, length, instant, date };

// What a tag column says of a value. Numbers and strings have columns of their own.
enum class Tag : uint8_t { null, no, yes, array, object };

// A column of one path.
struct ColumnName {
    uint32_t path;
    ColumnKind kind;
    bool operator<(const ColumnName& other) const {
        return std::tie(path, kind) < std::tie(other.path, other.kind);
    }
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
    // Of strings that KEY_BYTES do not tell apart.
    static constexpr size_t LONG_KEY_BYTES = 256;

    // Holds about `bytes_max` in memory; what is beyond goes sorted into a scratch file in `folder`. Keys of
    // strings are cut to `key_bytes`.
    Shredder(uint32_t paths_max, int depth_max, size_t bytes_max, const std::string& folder,
             size_t key_bytes = KEY_BYTES);

    // Makes only these columns, of paths that `path_of` has been asked for already.
    void want_only(const std::vector<ColumnName>& columns);
    // The path of a member or of an array's elements, made if need be; ROOT when there are too many.
    uint32_t path_of(uint32_t parent, const std::string& name, bool is_element);

    // The next row's payload; an empty text has no fields.
    void add(const char* text, size_t bytes);

    // After the last row: leaves the memory to those who sort now.
    void settle();
    // A column, to be sorted; groups of one key each unless that makes more of them than `most` allows, then
    // sparse keys. The shredder does not have it any more.
    std::unique_ptr<SortedColumn> take(const ColumnName& name, const KeysMax& most);

    const std::vector<FieldPath>& paths() const { return paths_; }
    std::vector<ColumnName> columns() const;
    // Rows that columns do not describe.
    const std::vector<uint32_t>& unindexed() const { return unindexed_; }
    bool is_complete() const { return is_complete_; }  // no path was left out

  private:
    void members(uint32_t path, int depth);
    void value(uint32_t path, int depth);
    void array(uint32_t path);
    void element(uint32_t path);
    void skip();
    void note(uint32_t path, ColumnKind kind, double number);
    void note_string(uint32_t path);
    Entries* entries(uint32_t path, ColumnKind kind);
    void grown(size_t bytes);

    uint32_t paths_max_;
    int depth_max_;
    size_t gathered_max_, buffer_bytes_, key_bytes_, bytes_ = 0;
    std::shared_ptr<WorkFile> file_;
    bool wants_all_ = true, is_complete_ = true;
    std::vector<FieldPath> paths_;
    std::map<std::tuple<uint32_t, bool, std::string>, uint32_t> by_name_;
    std::map<ColumnName, Entries> columns_;
    std::vector<uint32_t> unindexed_;
    uint32_t row_ = 0;
    JsonReader in_{nullptr, 0};
    std::string name_, string_;
};

}  // namespace asteroid
