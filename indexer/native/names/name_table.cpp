#include "names/name_table.hpp"

#include <algorithm>
#include <cstring>

#include "names/name_filter.hpp"
#include "quant/load.hpp"

namespace asteroid {

std::string_view NameTable::at(uint32_t rank) const {
    if (rank >= rows) return {};
    const auto end_of = [this](size_t each) { return load<uint64_t>(ends + sizeof(uint64_t) * each); };
    const uint64_t start = rank == 0 ? 0 : end_of(rank - 1), end = end_of(rank);
    if (start >= end || end > text_bytes || end - start > NAME_BYTES_MAX) return {};
    return {reinterpret_cast<const char*>(text) + start, size_t(end - start)};
}

uint32_t NameTable::lower_bound(std::string_view name) const {
    uint32_t low = 0, high = rows;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (at(middle) < name)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t NameTable::find(std::string_view name) const {
    if (!may_be_in_filter(filter, filter_bytes, name_hash(name))) return -1;
    const uint32_t rank = lower_bound(name);
    return rank < rows && at(rank) == name ? int64_t(rank) : -1;
}

bool NameCheck::feed(std::string_view piece) {
    while (!piece.empty()) {
        if (next_ == names_ || ends_[next_] <= at_) return false;
        const uint64_t missing = ends_[next_] - at_;
        if (begun_bytes_ + missing > NAME_BYTES_MAX) return false;
        const size_t taken = size_t(std::min<uint64_t>(missing, piece.size()));
        std::memcpy(begun_ + begun_bytes_, piece.data(), taken);
        begun_bytes_ += taken;
        at_ += taken;
        piece.remove_prefix(taken);
        if (taken < missing) return true;
        if (!take({begun_, begun_bytes_})) return false;
    }
    return true;
}

bool NameCheck::take(std::string_view name) {
    if (!is_name(name) || !(std::string_view(before_, before_bytes_) < name)) return false;
    std::memcpy(before_, name.data(), name.size());
    before_bytes_ = name.size();
    begun_bytes_ = 0;
    ++next_;
    return true;
}

}  // namespace asteroid
