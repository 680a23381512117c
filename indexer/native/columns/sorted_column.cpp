#include "columns/sorted_column.hpp"

#include <algorithm>
#include <utility>

namespace asteroid {
namespace {

size_t common_prefix(std::string_view a, std::string_view b) {
    size_t shared = 0;
    while (shared < std::min(a.size(), b.size()) && a[shared] == b[shared]) ++shared;
    return shared;
}

}  // namespace

void Groups::add(const Entry& entry, bool is_string) {
    const bool is_new = entries_ == 0 || (is_string ? entry.text != text_ : entry.number != number_);
    if (is_string) look_for_crowds(is_new, entry);
    if (is_new) {
        const size_t shared = is_string && entries_ > 0 ? common_prefix(text_, entry.text) + 1 : SIZE_MAX;
        if (keys_++ % every_ == 0) keep(entry, is_string, shared);
        if (is_string)
            text_.assign(entry.text);
        else
            number_ = entry.number;
        if (every_ == 1 && keys_ > std::max(most_.any, most_.whole)) make_sparse(is_string);
    }
    cut_ += is_string && entry.text.size() == key_bytes_;
    ++entries_;
}

void Groups::keep(const Entry& entry, bool is_string, size_t shared) {
    starts.push_back(uint32_t(entries_));
    if (!is_string) return numbers.push_back(entry.number);
    const size_t whole = entry.text.size(), enough = shortest_ ? std::min(shared, whole) : whole;
    const size_t kept = every_ == 1 ? whole : enough;
    text.insert(text.end(), entry.text.begin(), entry.text.begin() + ptrdiff_t(kept));
    ends.push_back(uint32_t(text.size()));
    if (every_ == 1) shortest_of_.push_back(uint16_t(enough));
}

void Groups::make_sparse(bool is_string) {
    every_ = SPARSE_KEY_EVERY;
    size_t groups = 0, bytes = 0;
    for (size_t i = 0; i < starts.size(); i += every_, ++groups) {
        starts[groups] = starts[i];
        if (!is_string) {
            numbers[groups] = numbers[i];
            continue;
        }
        const size_t begin = i ? ends[i - 1] : 0;
        std::copy_n(text.begin() + ptrdiff_t(begin), shortest_of_[i], text.begin() + ptrdiff_t(bytes));
        bytes += shortest_of_[i];
        ends[groups] = uint32_t(bytes);
    }
    starts.resize(groups);
    shortest_of_ = {};
    if (!is_string) return numbers.resize(groups);
    ends.resize(groups);
    text.resize(bytes);
}

void Groups::look_for_crowds(bool is_new, const Entry& entry) {
    if (is_new) {
        alike_ = 0;
        differ_ = false;
        print_ = entry.print;
    }
    ++alike_;
    differ_ |= entry.print != print_;
    crowded_ |= differ_ && alike_ > CROWDED_ROWS && entry.text.size() == key_bytes_;
}

void Groups::finish(bool is_string) {
    if (every_ == 1 && keys_ > most_.any && cut_ > entries_ / CUT_SHARE) make_sparse(is_string);
    starts.push_back(uint32_t(entries_));
}

SortedColumn::SortedColumn(Entries&& entries, std::shared_ptr<WorkFile> file, Groups&& groups,
                           size_t buffer_bytes)
    : entries_(std::move(entries)),
      file_(std::move(file)),
      groups_(std::move(groups)),
      buffer_entries_(std::max<size_t>(buffer_bytes / 2 / (sizeof(uint32_t) + 1), 1)) {
    if (entries_.is_in_memory()) return;
    merge_ = std::make_unique<Merge>(entries_, *file_, buffer_bytes / 2);
    rows_at_ = file_->place(size() * sizeof(uint32_t));
    prints_at_ = file_->place(size());
}

SortedColumn::~SortedColumn() {
    if (entries_.is_in_memory()) return;
    file_->drop(rows_at_, size() * sizeof(uint32_t));
    file_->drop(prints_at_, size());
    entries_.drop(*file_);
}

bool SortedColumn::step(size_t entries) {
    if (is_sorted_) return false;
    Entry entry;
    if (!merge_) {
        rows_.reserve(size());
        entries_.sorted([this](const Entry& each) { take(each); });
        entries_.forget();
    } else {
        for (; entries > 0; --entries) {
            if (!merge_->next(entry)) break;
            take(entry);
        }
        if (entries > 0) flush();
    }
    if (merge_ && entries == 0) return true;
    merge_.reset();
    groups_.finish(entries_.has_strings());
    is_sorted_ = true;
    return false;
}

void SortedColumn::take(const Entry& entry) {
    groups_.add(entry, entries_.has_strings());
    rows_.push_back(entry.row);
    if (entries_.has_strings()) prints_.push_back(entry.print);
    if (merge_ && rows_.size() >= buffer_entries_) flush();
}

void SortedColumn::flush() {
    file_->write(rows_at_ + flushed_ * sizeof(uint32_t), rows_.data(), rows_.size() * sizeof(uint32_t));
    file_->write(prints_at_ + flushed_, prints_.data(), prints_.size());
    flushed_ += rows_.size();
    rows_.clear();
    prints_.clear();
}

void SortedColumn::rows(size_t start, size_t stop, uint32_t* to) const {
    if (entries_.is_in_memory())
        std::copy(rows_.begin() + ptrdiff_t(start), rows_.begin() + ptrdiff_t(stop), to);
    else
        file_->read(rows_at_ + start * sizeof(uint32_t), to, (stop - start) * sizeof(uint32_t));
}

void SortedColumn::prints(size_t start, size_t stop, uint8_t* to) const {
    if (entries_.is_in_memory())
        std::copy(prints_.begin() + ptrdiff_t(start), prints_.begin() + ptrdiff_t(stop), to);
    else
        file_->read(prints_at_ + start, to, stop - start);
}

}  // namespace asteroid
