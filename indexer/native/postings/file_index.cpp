#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "postings/index.hpp"

namespace asteroid {

FileTextIndex::FileTextIndex(const std::string& path, size_t fields, uint32_t rows,
                             const std::vector<RunLayout>& runs)
    : fields_(fields), rows_(rows) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), path);
    struct stat info {};
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) {
        close(fd);
        throw std::invalid_argument(path + " is empty, or no regular file");
    }
    bytes_ = size_t(info.st_size);
    void* const mapped = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd, 0);
    const int error = errno;
    close(fd);
    if (mapped == MAP_FAILED) throw std::system_error(error, std::generic_category(), path);
    base_ = static_cast<const uint8_t*>(mapped);
    try {
        uint32_t next = 0;
        for (const RunLayout& run : runs) {
            check(run);
            if (run.first != next) throw std::invalid_argument("the runs do not follow each other");
            next += run.rows;
            runs_.emplace_back(base_, run);
        }
        if (next != rows) throw std::invalid_argument("the runs have other rows than the segment");
        for (const FileRun& run : runs_) listed_.push_back(&run);
    } catch (...) {
        munmap(mapped, bytes_);
        throw;
    }
}

FileTextIndex::~FileTextIndex() { munmap(const_cast<uint8_t*>(base_), bytes_); }

void FileTextIndex::check(const RunLayout& run) const {
    const auto is_inside = [&](uint64_t at, uint64_t size) { return at <= bytes_ && size <= bytes_ - at; };
    const uint64_t groups = (uint64_t(run.terms) + FileRun::GROUP_TERMS - 1) / FileRun::GROUP_TERMS;
    bool is_sound = run.rows > 0 && run.rows <= RUN_ROWS_MAX && run.lengths.size() == fields_ &&
                    is_inside(run.groups, 12 * groups) && is_inside(run.words, run.words_bytes) &&
                    is_inside(run.postings, run.postings_bytes) &&
                    is_inside(run.positions, run.positions_bytes);
    for (const auto& [at, width] : run.lengths)
        is_sound = is_sound && (width == 1 || width == 2 || width == 4) &&
                   is_inside(at, uint64_t(width) * run.rows);
    if (!is_sound) throw std::invalid_argument("a run does not fit its file");
}

const Run* FileTextIndex::run_of(uint32_t row) const {
    const auto after = std::upper_bound(listed_.begin(), listed_.end(), row,
                                        [](uint32_t value, const Run* run) { return value < run->first(); });
    return *(after - 1);
}

bool FileTextIndex::has(std::string_view term, uint32_t row) const {
    const Run* const run = run_of(row);
    PostingList list;
    if (!run->find(term, list)) return false;
    Cursor cursor(list);
    return cursor.seek(row - run->first()) && cursor.row() == row - run->first();
}

// Lists who has died since it was last asked. False for a reader of a snapshot that is older than that.
bool FileTextIndex::follow(const Visible& visible) const {
    if (has_begun_ && visible.dead < dead_) return false;
    const size_t size = (size_t(rows_) + 7) / 8;
    if (!has_begun_ || deaths_.size() + (visible.dead - dead_) > DEATHS_KEPT) {
        counts_.clear();
        totals_.clear();
        deaths_.clear();
        first_dead_ = visible.dead;
        alive_.clear();
        if (visible.alive.bits) alive_.assign(visible.alive.bits, visible.alive.bits + size);
    } else if (visible.dead > dead_) {
        if (alive_.empty()) {
            alive_.assign(size, 0xff);
            if (rows_ % 8) alive_.back() = uint8_t((1u << rows_ % 8) - 1);
        }
        for (size_t i = 0; i < size; ++i) {
            const uint8_t died = alive_[i] & uint8_t(~visible.alive.bits[i]);
            for (unsigned bit = 0; died >> bit; ++bit)
                if (died >> bit & 1) deaths_.push_back(uint32_t(8 * i + bit));
            alive_[i] = visible.alive.bits[i];
        }
    }
    has_begun_ = true;
    dead_ = visible.dead;
    return true;
}

FieldTotals FileTextIndex::totals(size_t field, const Visible& visible) const {
    const std::lock_guard held(lock_);
    if (!follow(visible)) return TextIndex::totals(field, visible);
    if (totals_.empty()) {
        for (size_t each = 0; each < fields_; ++each) totals_.push_back(TextIndex::totals(each, visible));
        totals_dead_ = visible.dead;
    }
    for (; totals_dead_ < visible.dead; ++totals_dead_) {
        const uint32_t row = deaths_.at(size_t(totals_dead_ - first_dead_));
        const Run* const run = run_of(row);
        for (size_t each = 0; each < fields_; ++each) {
            const uint32_t length = run->lengths(each).of(row - run->first());
            totals_[each].rows -= length > 0;
            totals_[each].words -= length;
        }
    }
    return totals_[field];
}

uint64_t FileTextIndex::rows_with(std::string_view term, const Visible& visible) const {
    const std::lock_guard held(lock_);
    if (!follow(visible)) return TextIndex::rows_with(term, visible);
    const std::string name(term);
    const auto known = counts_.find(name);
    if (known != counts_.end() && visible.dead - known->second.dead <= 64 + known->second.rows / 64) {
        Count& count = known->second;
        for (; count.dead < visible.dead; ++count.dead)
            count.rows -= has(term, deaths_.at(size_t(count.dead - first_dead_)));
        return count.rows;
    }
    if (counts_.size() >= COUNTS_KEPT) counts_.clear();
    const uint64_t rows = TextIndex::rows_with(term, visible);
    counts_[name] = {rows, visible.dead};
    return rows;
}

}  // namespace asteroid
