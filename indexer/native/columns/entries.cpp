#include "columns/entries.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace asteroid {
namespace {

constexpr size_t SORTING_BYTES = 16;  // what sorting adds an entry
constexpr size_t MERGED_RUNS = 64;    // runs that are made one when a column has so many of one level
constexpr size_t BUFFER_BYTES_MIN = 1024;
constexpr size_t NUMBER_BYTES = sizeof(double) + sizeof(uint32_t);
constexpr size_t STRING_HEAD_BYTES = sizeof(uint32_t) + sizeof(uint8_t) + sizeof(uint16_t);

// Entries, packed one after the other, on their way into the file.
class RunWriter {
  public:
    RunWriter(WorkFile& file, size_t bytes, size_t buffer_bytes, bool has_strings)
        : file_(file), at_(file.place(bytes)), end_(at_), has_strings_(has_strings) {
        buffer_.reserve(std::max(buffer_bytes, BUFFER_BYTES_MIN));
    }

    void put(const Entry& entry) {
        const size_t bytes = has_strings_ ? STRING_HEAD_BYTES + entry.text.size() : NUMBER_BYTES;
        if (buffer_.size() + bytes > buffer_.capacity()) flush();
        if (has_strings_) {
            const auto length = uint16_t(entry.text.size());
            append(&entry.row, sizeof entry.row);
            append(&entry.print, sizeof entry.print);
            append(&length, sizeof length);
            append(entry.text.data(), length);
        } else {
            append(&entry.number, sizeof entry.number);
            append(&entry.row, sizeof entry.row);
        }
    }

    Run finish(int level) {
        flush();
        return {at_, size_t(end_ - at_), level};
    }

  private:
    void append(const void* from, size_t bytes) {
        const char* const first = static_cast<const char*>(from);
        buffer_.insert(buffer_.end(), first, first + bytes);
    }
    void flush() {
        file_.write(end_, buffer_.data(), buffer_.size());
        end_ += buffer_.size();
        buffer_.clear();
    }

    WorkFile& file_;
    uint64_t at_, end_;
    bool has_strings_;
    std::vector<char> buffer_;
};

}  // namespace

size_t Entries::add(double number, uint32_t row) {
    numbers_.push_back(number);
    rows_.push_back(row);
    ++size_;
    return NUMBER_BYTES + SORTING_BYTES;
}

size_t Entries::add(std::string_view text, uint32_t row, uint8_t print) {
    text_.insert(text_.end(), text.begin(), text.end());
    ends_.push_back(uint32_t(text_.size()));
    rows_.push_back(row);
    prints_.push_back(print);
    ++size_;
    return text.size() + 2 * sizeof(uint32_t) + 1 + SORTING_BYTES;
}

size_t Entries::bytes() const {
    return rows_.size() * (sizeof(uint32_t) + SORTING_BYTES) + numbers_.size() * sizeof(double) +
           text_.size() + ends_.size() * sizeof(uint32_t) + prints_.size();
}

std::string_view Entries::text_at(size_t entry) const {
    const uint32_t start = entry ? ends_[entry - 1] : 0;
    return {text_.data() + start, ends_[entry] - start};
}

void Entries::sorted(const Take& take) const { has_strings_ ? sorted_strings(take) : sorted_numbers(take); }

void Entries::sorted_numbers(const Take& take) const {
    std::vector<std::pair<double, uint32_t>> sorted(rows_.size());
    for (size_t i = 0; i < sorted.size(); ++i) sorted[i] = {numbers_[i], rows_[i]};
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [number, row] : sorted) take({number, {}, row, 0});
}

void Entries::sorted_strings(const Take& take) const {
    // The first eight bytes, as a number that orders as they do, decide most comparisons.
    std::vector<std::pair<uint64_t, uint32_t>> sorted(rows_.size());
    for (uint32_t i = 0; i < sorted.size(); ++i) {
        uint64_t first = 0;
        const std::string_view text = text_at(i);
        for (size_t j = 0; j < 8; ++j) first = first << 8 | (j < text.size() ? uint8_t(text[j]) : 0);
        sorted[i] = {first, i};
    }
    std::sort(sorted.begin(), sorted.end(), [this](const auto& a, const auto& b) {
        if (a.first != b.first) return a.first < b.first;
        const int order = text_at(a.second).compare(text_at(b.second));
        return order != 0 ? order < 0 : a.second < b.second;
    });
    for (const auto& [first, entry] : sorted) take({0, text_at(entry), rows_[entry], prints_[entry]});
}

void Entries::spill(WorkFile& file, size_t buffer_bytes) {
    if (rows_.empty()) return;
    const size_t each = has_strings_ ? STRING_HEAD_BYTES : NUMBER_BYTES;
    RunWriter run(file, rows_.size() * each + text_.size(), buffer_bytes, has_strings_);
    sorted([&run](const Entry& entry) { run.put(entry); });
    runs_.push_back(run.finish(0));
    forget();
    merge_newest(file, buffer_bytes);
}

void Entries::forget() {
    numbers_ = {};
    text_ = {};
    ends_ = {};
    rows_ = {};
    prints_ = {};
}

void Entries::drop(WorkFile& file) const {
    for (const Run& run : runs_) file.drop(run.at, run.bytes);
}

// Few runs stay, however many entries there are: each level has less than MERGED_RUNS.
void Entries::merge_newest(WorkFile& file, size_t buffer_bytes) {
    while (runs_.size() >= MERGED_RUNS && runs_[runs_.size() - MERGED_RUNS].level == runs_.back().level) {
        const auto first = runs_.end() - ptrdiff_t(MERGED_RUNS);
        size_t bytes = 0;
        for (auto run = first; run != runs_.end(); ++run) bytes += run->bytes;
        RunWriter merged(file, bytes, buffer_bytes / 2, has_strings_);
        Merge merge(*this, file, buffer_bytes / 2, MERGED_RUNS);
        for (Entry entry; merge.next(entry);) merged.put(entry);
        const Run made = merged.finish(runs_.back().level + 1);
        for (auto run = first; run != runs_.end(); ++run) file.drop(run->at, run->bytes);
        runs_.erase(first, runs_.end());
        runs_.push_back(made);
    }
}

// Reads a run front to back.
class Merge::Reader {
  public:
    Reader(const WorkFile& file, const Run& run, size_t buffer_bytes, bool has_strings)
        : file_(file), at_(run.at), left_(run.bytes), buffer_(buffer_bytes), has_strings_(has_strings) {}

    // Whether there is a next entry, which `entry` is from then on.
    bool next() {
        if (!has_strings_) {
            if (!lies_there(NUMBER_BYTES)) return false;
            std::memcpy(&entry.number, take(sizeof entry.number), sizeof entry.number);
            std::memcpy(&entry.row, take(sizeof entry.row), sizeof entry.row);
            return true;
        }
        if (!lies_there(STRING_HEAD_BYTES)) return false;
        uint16_t length;
        std::memcpy(&length, buffer_.data() + first_ + STRING_HEAD_BYTES - sizeof length, sizeof length);
        lies_there(STRING_HEAD_BYTES + length);
        std::memcpy(&entry.row, take(sizeof entry.row), sizeof entry.row);
        std::memcpy(&entry.print, take(sizeof entry.print), sizeof entry.print);
        take(sizeof length);
        entry.text = {take(length), length};
        return true;
    }

    Entry entry{};

  private:
    // Whether so many bytes of the run lie in the buffer, which is filled for that.
    bool lies_there(size_t bytes) {
        if (filled_ - first_ >= bytes) return true;
        std::memmove(buffer_.data(), buffer_.data() + first_, filled_ - first_);
        filled_ -= first_;
        first_ = 0;
        const size_t more = std::min(left_, buffer_.size() - filled_);
        if (more > 0) file_.read(at_, buffer_.data() + filled_, more);
        at_ += more;
        left_ -= more;
        filled_ += more;
        return filled_ >= bytes;
    }
    const char* take(size_t bytes) {
        first_ += bytes;
        return buffer_.data() + first_ - bytes;
    }

    const WorkFile& file_;
    uint64_t at_;
    size_t left_, first_ = 0, filled_ = 0;
    std::vector<char> buffer_;
    bool has_strings_;
};

Merge::Merge(const Entries& entries, const WorkFile& file, size_t buffer_bytes, size_t newest)
    : has_strings_(entries.has_strings()) {
    const size_t runs = std::min(newest, entries.runs_.size());
    const size_t each = std::max(buffer_bytes / std::max<size_t>(runs, 1), BUFFER_BYTES_MIN);
    readers_.reserve(runs);
    for (size_t i = entries.runs_.size() - runs; i < entries.runs_.size(); ++i)
        readers_.emplace_back(file, entries.runs_[i], each, has_strings_);
    for (size_t i = 0; i < runs; ++i) push(i);
}

Merge::~Merge() = default;

bool Merge::next(Entry& entry) {
    if (given_ != SIZE_MAX) push(given_);
    given_ = SIZE_MAX;
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), [this](size_t a, size_t b) { return is_later(a, b); });
    given_ = heap_.back();
    heap_.pop_back();
    entry = readers_[given_].entry;
    return true;
}

void Merge::push(size_t reader) {
    if (!readers_[reader].next()) return;
    heap_.push_back(reader);
    std::push_heap(heap_.begin(), heap_.end(), [this](size_t a, size_t b) { return is_later(a, b); });
}

bool Merge::is_later(size_t one, size_t other) const {
    const Entry &a = readers_[one].entry, &b = readers_[other].entry;
    if (!has_strings_) return a.number != b.number ? a.number > b.number : one > other;
    const int order = a.text.compare(b.text);
    return order != 0 ? order > 0 : one > other;
}

}  // namespace asteroid
