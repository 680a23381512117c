#include "segment.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace asteroid {

Segment::Segment(const std::string& path, size_t dim, Metric metric, const SegmentLayout& layout)
    : dim_(dim),
      metric_(metric),
      layout_(layout),
      node_bytes_(sizeof(uint32_t) * (1 + 2 * size_t(layout.links_max)) + record_bytes(dim)) {
    map(path);
    try {
        check_bounds();
    } catch (...) {
        munmap(const_cast<uint8_t*>(base_), bytes_);
        throw;
    }
    records_ = base_ + layout_.records;
    ids_ = reinterpret_cast<const uint64_t*>(base_ + layout_.ids);
    by_id_ = reinterpret_cast<const uint32_t*>(base_ + layout_.by_id);
}

Segment::~Segment() { munmap(const_cast<uint8_t*>(base_), bytes_); }

void Segment::map(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), path);
    struct stat info {};
    if (fstat(fd, &info) != 0 || info.st_size == 0) {
        close(fd);
        throw std::invalid_argument(path + " is empty or cannot be read");
    }
    bytes_ = size_t(info.st_size);
    void* mapped = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd, 0);
    const int error = errno;
    close(fd);
    if (mapped == MAP_FAILED) throw std::system_error(error, std::generic_category(), path);
    // A walk jumps about: read-ahead would pull whole megabytes in for one node.
    madvise(mapped, bytes_, MADV_RANDOM);
    base_ = static_cast<const uint8_t*>(mapped);
}

void Segment::check_bounds() const {
    const auto inside = [this](uint64_t offset, uint64_t count, uint64_t each) {
        return offset % 8 == 0 && offset <= bytes_ && count <= (bytes_ - offset) / each;
    };
    bool good = layout_.rows > 0 && inside(layout_.records, layout_.rows, node_bytes_) &&
                inside(layout_.ids, layout_.rows, 8) && inside(layout_.by_id, layout_.rows, 4);
    for (const UpperLayout& level : layout_.upper)
        good = good && level.count > 0 && inside(level.nodes, level.count, 4) &&
               inside(level.down, level.count, 4) &&
               inside(level.links, level.count, sizeof(uint32_t) * (1 + layout_.links_max));
    const uint32_t top = layout_.upper.empty() ? layout_.rows : layout_.upper.back().count;
    if (!good || layout_.entry >= top) throw std::invalid_argument("a section lies outside the file");
}

uint32_t Segment::upper_ordinal(size_t level, uint32_t position) const {
    return reinterpret_cast<const uint32_t*>(base_ + layout_.upper[level].nodes)[position];
}

uint32_t Segment::upper_down(size_t level, uint32_t position) const {
    return reinterpret_cast<const uint32_t*>(base_ + layout_.upper[level].down)[position];
}

Links Segment::upper_links(size_t level, uint32_t position) const {
    const size_t bytes = sizeof(uint32_t) * (1 + size_t(layout_.links_max));
    return links_at(base_ + layout_.upper[level].links + position * bytes);
}

int64_t Segment::find(uint64_t id) const {
    uint32_t low = 0, high = layout_.rows;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (ids_[by_id_[middle]] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < layout_.rows && ids_[by_id_[low]] == id ? int64_t(by_id_[low]) : -1;
}

int64_t first_bad_node(const uint8_t* nodes, size_t n, size_t node_bytes, uint32_t links_max, uint32_t rows) {
    for (size_t i = 0; i < n; ++i) {
        const uint32_t* list = reinterpret_cast<const uint32_t*>(nodes + i * node_bytes);
        if (list[0] > links_max) return int64_t(i);
        for (uint32_t j = 1; j <= list[0]; ++j)
            if (list[j] >= rows) return int64_t(i);
    }
    return -1;
}

}  // namespace asteroid
