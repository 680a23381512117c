// A column in the order of its keys, cut into groups: what a field file has of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "columns/entries.hpp"

namespace asteroid {

// Up to how many different keys groups are exact.
struct KeysMax {
    size_t any;
    size_t whole;  // where nearly all entries are whole values, and not strings that were cut
};

// Values in ascending order, in groups. Every entry of group i has the key i, if they are exact; else keys
// are sparse: an entry of group i is at least key i and less than key i + 1.
class Groups {
  public:
    // One key each, unless that makes more of them than `most` allows. A key of `key_bytes` may be the
    // beginning of a longer string. `shortest` lets sparse keys be cut to what tells them from those before.
    Groups(const KeysMax& most, size_t key_bytes, bool shortest)
        : most_(most), key_bytes_(key_bytes), shortest_(shortest) {}

    // The next entry, with a key that is not below the one before; of a column of strings if `is_string`.
    void add(const Entry& entry, bool is_string);
    // After the last one; of a column of strings if `is_string`.
    void finish(bool is_string);

    bool exact() const { return every_ == 1; }
    // Whether more than CROWDED_ROWS entries share one key though their strings differ.
    bool crowded() const { return crowded_; }

    std::vector<double> numbers;   // keys, unless they are strings
    std::vector<char> text;        // the keys of strings, one after the other
    std::vector<uint32_t> ends;    // where each of these ends
    std::vector<uint32_t> starts;  // where each group starts, then how many entries there are

  private:
    static constexpr size_t CROWDED_ROWS = 1024;
    static constexpr uint32_t SPARSE_KEY_EVERY = 16;
    static constexpr size_t CUT_SHARE = 8;  // with more cut strings than one in so many, keys tell too little

    void keep(const Entry& entry, bool is_string, size_t shared);
    void make_sparse(bool is_string);
    void look_for_crowds(bool is_new, const Entry& entry);

    KeysMax most_;
    size_t key_bytes_;
    bool shortest_;
    size_t entries_ = 0, keys_ = 0, cut_ = 0, every_ = 1;
    double number_ = 0;                // the key of the newest entry
    std::string text_;                 // the same of a string
    std::vector<uint16_t> shortest_of_;  // bytes that tell each key from the one before; while all are kept
    size_t alike_ = 0;                 // entries with the newest key
    uint8_t print_ = 0;                // of the first of these
    bool differ_ = false, crowded_ = false;
};

// Sorts the entries of a column. Those that were spilled stay in the file, and so does their order.
class SortedColumn {
  public:
    SortedColumn(Entries&& entries, std::shared_ptr<WorkFile> file, Groups&& groups, size_t buffer_bytes);
    ~SortedColumn();
    SortedColumn(const SortedColumn&) = delete;
    SortedColumn& operator=(const SortedColumn&) = delete;

    // Goes on with so many entries, or with all that are in memory; false when everything is sorted.
    bool step(size_t entries);

    // When it is sorted:
    const Groups& groups() const { return groups_; }
    size_t size() const { return entries_.size(); }
    // The rows of some entries, and a fingerprint of each one's whole string; ascending within a key.
    void rows(size_t start, size_t stop, uint32_t* to) const;
    void prints(size_t start, size_t stop, uint8_t* to) const;
    bool has_prints() const { return entries_.has_strings() && !groups_.exact(); }

  private:
    void take(const Entry& entry);
    void flush();

    Entries entries_;
    std::shared_ptr<WorkFile> file_;
    Groups groups_;
    size_t buffer_entries_;
    std::unique_ptr<Merge> merge_;         // while entries that were spilled are sorted
    uint64_t rows_at_ = 0, prints_at_ = 0;  // where these go in the file
    size_t flushed_ = 0;
    std::vector<uint32_t> rows_;  // that are not in the file
    std::vector<uint8_t> prints_;
    bool is_sorted_ = false;
};

}  // namespace asteroid
