// The entries of one column that is being made, in the order of rows: in memory, and what there was no room
// for as sorted runs in a scratch file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "scratch/work_file.hpp"

namespace asteroid {

// One of them, as it is read back; the text is that of a string's key and is only lent.
struct Entry {
    double number;
    std::string_view text;
    uint32_t row;
    uint8_t print;
};

// Sorted entries in the file. All rows of a run are after those of the runs before it.
struct Run {
    uint64_t at;
    size_t bytes;
    int level;  // how many times its entries have been merged
};

class Entries {
  public:
    using Take = std::function<void(const Entry&)>;

    explicit Entries(bool has_strings) : has_strings_(has_strings) {}

    // These give what they take in memory, in bytes, with what sorting will take.
    size_t add(double number, uint32_t row);
    size_t add(std::string_view text, uint32_t row, uint8_t print);

    bool has_strings() const { return has_strings_; }
    bool is_in_memory() const { return runs_.empty(); }
    size_t size() const { return size_; }
    // What it takes in memory.
    size_t bytes() const;
    // Sorts what is in memory, and writes it as a run. `buffer_bytes` bounds what merging runs takes.
    void spill(WorkFile& file, size_t buffer_bytes);
    // All that is in memory, by key and then in the order of rows; it stays.
    void sorted(const Take& take) const;
    // Frees what is in memory; how many entries there are stays known.
    void forget();
    // Gives back what the runs take in the file.
    void drop(WorkFile& file) const;

  private:
    friend class Merge;
    std::string_view text_at(size_t entry) const;
    void sorted_numbers(const Take& take) const;
    void sorted_strings(const Take& take) const;
    void merge_newest(WorkFile& file, size_t buffer_bytes);

    bool has_strings_;
    size_t size_ = 0;
    std::vector<double> numbers_;
    std::vector<char> text_;
    std::vector<uint32_t> ends_, rows_;
    std::vector<uint8_t> prints_;
    std::vector<Run> runs_;
};

// The entries of some runs that follow each other, by key and then in the order of rows.
class Merge {
  public:
    // Of all runs of a column that has nothing in memory any more, or of the last `newest` of them.
    Merge(const Entries& entries, const WorkFile& file, size_t buffer_bytes, size_t newest = SIZE_MAX);
    ~Merge();

    // The next entry; false at the end. The entry is lent until the next call.
    bool next(Entry& entry);

  private:
    class Reader;
    bool is_later(size_t one, size_t other) const;
    void push(size_t reader);

    bool has_strings_;
    std::vector<Reader> readers_;
    std::vector<size_t> heap_;  // of those that are not at their end, the least on top
    size_t given_ = SIZE_MAX;   // the reader whose entry is lent
};

}  // namespace asteroid
