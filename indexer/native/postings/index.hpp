// The text index of one part: its runs, and how many of its living rows have what. For any number of readers.
#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parts/part.hpp"
#include "postings/growing.hpp"
#include "postings/run.hpp"

namespace asteroid {

// Which rows a reader sees: the first ones, and of these the living.
struct Visible {
    uint32_t rows = 0;
    Mask alive;
    uint64_t dead = 0;  // how many are dead; in a part that does not grow it names the set of the living
};

// Living rows that have a field, which is at least a word of it, and their words.
struct FieldTotals {
    uint64_t rows = 0, words = 0;
};

class TextIndex {
  public:
    virtual ~TextIndex() = default;
    virtual size_t fields() const = 0;
    // Whoever reads holds this until it is done.
    virtual std::shared_lock<std::shared_mutex> reading() const { return {}; }
    virtual const std::vector<const Run*>& runs() const = 0;
    virtual uint32_t rows() const = 0;

    virtual FieldTotals totals(size_t field, const Visible& visible) const;
    // The living rows that have a term.
    virtual uint64_t rows_with(std::string_view term, const Visible& visible) const;
};

// The index of the tail. Rows come at its end, in any thread; readers of older snapshots see fewer of them.
class TailTextIndex : public TextIndex {
  public:
    explicit TailTextIndex(std::vector<TextField> fields) : fields_(std::move(fields)) {}

    // Payloads of the rows from `first` on; those that are indexed already are passed over.
    void extend(uint32_t first, const std::vector<std::string_view>& payloads);
    size_t bytes() const;

    size_t fields() const override { return fields_.size(); }
    std::shared_lock<std::shared_mutex> reading() const override { return std::shared_lock(lock_); }
    const std::vector<const Run*>& runs() const override { return listed_; }
    uint32_t rows() const override;

  private:
    const std::vector<TextField> fields_;
    mutable std::shared_mutex lock_;
    std::vector<std::unique_ptr<GrowingRun>> runs_;
    std::vector<const Run*> listed_;
};

// The index of a segment, in a mapped file that was checked. It counts again only what has died.
class FileTextIndex : public TextIndex {
  public:
    FileTextIndex(const std::string& path, size_t fields, uint32_t rows, const std::vector<RunLayout>& runs);
    ~FileTextIndex() override;
    FileTextIndex(const FileTextIndex&) = delete;
    FileTextIndex& operator=(const FileTextIndex&) = delete;

    size_t fields() const override { return fields_; }
    const std::vector<const Run*>& runs() const override { return listed_; }
    uint32_t rows() const override { return rows_; }
    FieldTotals totals(size_t field, const Visible& visible) const override;
    uint64_t rows_with(std::string_view term, const Visible& visible) const override;

  private:
    static constexpr size_t COUNTS_KEPT = 4096;
    static constexpr size_t DEATHS_KEPT = 65536;
    struct Count {
        uint64_t rows, dead;
    };

    void check(const RunLayout& run) const;
    bool follow(const Visible& visible) const;
    bool has(std::string_view term, uint32_t row) const;
    const Run* run_of(uint32_t row) const;

    const size_t fields_;
    const uint32_t rows_;
    const uint8_t* base_ = nullptr;
    size_t bytes_ = 0;
    std::vector<FileRun> runs_;
    std::vector<const Run*> listed_;

    // Rows die one after the other, so a number of dead rows stands for which they are.
    mutable std::mutex lock_;
    mutable bool has_begun_ = false;
    mutable uint64_t first_dead_ = 0, dead_ = 0;  // the deaths that are listed come between these
    mutable std::vector<uint8_t> alive_;
    mutable std::vector<uint32_t> deaths_;
    mutable std::unordered_map<std::string, Count> counts_;
    mutable std::vector<FieldTotals> totals_;
    mutable uint64_t totals_dead_ = 0;
};

}  // namespace asteroid
