#include "parts/segment.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "names/name_filter.hpp"
#include "parts/layout.hpp"
#include "parts/prefetch.hpp"

namespace asteroid {

Segment::Segment(const std::string& path, const Shape& shape, const SegmentLayout& layout)
    : path_(path),
      shape_(shape),
      layout_(layout),
      record_size_(record_bytes(shape)),
      node_bytes_(asteroid::node_bytes(shape, layout.links_max)) {
    map(path);
    try {
        check_bounds();
        nodes_ = base_ + layout_.nodes;
        fine_ = base_ + layout_.fine;
        ids_ = base_ + layout_.ids;
        by_id_ = base_ + layout_.by_id;
        if (const auto& at = layout_.names)
            names_ = {base_ + at->ends,   base_ + at->text,         at->text_bytes,
                      base_ + at->filter, size_t(at->filter_bytes), layout_.rows};
        copy_top();
    } catch (...) {
        munmap(const_cast<uint8_t*>(base_), bytes_);
        throw;
    }
}

Segment::~Segment() { munmap(const_cast<uint8_t*>(base_), bytes_); }

void Segment::map(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), path);
    struct stat info {};
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) {
        close(fd);
        throw std::invalid_argument(path + " is empty, or no regular file");
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
        return offset % SECTION_ALIGN == 0 && offset <= bytes_ && count <= (bytes_ - offset) / each;
    };
    bool good = layout_.rows > 0 && layout_.rows <= ROWS_MAX && layout_.links_max > 0 &&
                layout_.links_max <= LINKS_MAX_MAX && layout_.vector_rows <= layout_.rows &&
                inside(layout_.nodes, layout_.vector_rows, node_bytes_) &&
                inside(layout_.ids, layout_.rows, 8) && inside(layout_.by_id, layout_.rows, 4) &&
                (!shape_.has_fine || inside(layout_.fine, layout_.vector_rows, fine_bytes(shape_.dim)));
    if (const auto& names = layout_.names)
        good = good && inside(names->ends, layout_.rows, 8) && inside(names->text, names->text_bytes, 1) &&
               names->filter_bytes == filter_bytes(layout_.rows) &&
               inside(names->filter, names->filter_bytes, 1);
    uint32_t below = layout_.vector_rows;
    for (size_t i = 0; i < layout_.upper.size(); ++i) {
        const UpperLayout& level = layout_.upper[i];
        good = good && level.count > 0 && level.count <= below;
        if (i + 1 < layout_.upper.size())
            good = good && inside(level.links, level.count, list_bytes(layout_.links_max));
        below = level.count;
    }
    if (!good || top_count() > TOP_NODES_MAX) throw std::invalid_argument("a section lies outside the file");
}

void Segment::copy_top() {
    top_records_.resize(top_count() * record_size_);
    for (uint32_t i = 0; i < top_count(); ++i) {
        uint8_t* copy = top_records_.data() + i * record_size_;
        std::memcpy(copy, record(i), record_size_);
        top_.push_back(copy);
    }
}

uint32_t Segment::entry(const Anchor& anchor, uint64_t& measured) const {
    float distances[TOP_NODES_MAX];
    anchor.distances(top_.data(), top_.size(), distances);
    measured += top_.size();
    uint32_t node = uint32_t(std::min_element(distances, distances + top_.size()) - distances);
    float best = distances[node];
    LinkBuffer buffer;
    for (size_t level = layout_.upper.size(); level-- > 1;) {
        const UpperLayout& below = layout_.upper[level - 1];
        const size_t stride = list_bytes(layout_.links_max);
        for (bool moved = true; moved;) {
            moved = false;
            const uint8_t* list = base_ + below.links + node * stride;
            const Links links = checked(links_at(list, layout_.links_max), below.count, buffer);
            const uint8_t* records[LINKS_MAX_MAX];
            float found[LINKS_MAX_MAX];
            for (uint32_t i = 0; i < links.count; ++i) {
                records[i] = record(links[i]);
                prefetch(records[i], record_size_);
            }
            anchor.distances(records, links.count, found);
            measured += links.count;
            for (uint32_t i = 0; i < links.count; ++i)
                if (found[i] < best) best = found[i], node = links[i], moved = true;
        }
    }
    return node;
}

uint32_t Segment::by_id(uint32_t place) const {
    const uint32_t ordinal = load<uint32_t>(by_id_ + sizeof(uint32_t) * size_t(place));
    if (ordinal >= layout_.rows) throw DamagedSegment("the id order names a row that is not there");
    return ordinal;
}

uint32_t Segment::first_from(uint64_t wanted, uint32_t low, uint32_t high) const {
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (id(by_id(middle)) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t Segment::row_at(uint32_t place, uint64_t wanted) const {
    if (place == layout_.rows) return -1;
    const uint32_t ordinal = by_id(place);
    return id(ordinal) == wanted ? int64_t(ordinal) : -1;
}

int64_t Segment::find(uint64_t wanted) const {
    return row_at(first_from(wanted, 0, uint32_t(layout_.rows)), wanted);
}

void Segment::find_ascending(const uint64_t* wanted, size_t n, int64_t* found) const {
    const uint32_t rows = uint32_t(layout_.rows);
    uint32_t place = 0;
    for (size_t i = 0; i < n; ++i) {
        uint32_t low = place, high = place;
        for (uint32_t step = 1; high < rows && id(by_id(high)) < wanted[i]; step *= 2) {
            low = high + 1;
            high = step < rows - high ? high + step : rows;
        }
        place = first_from(wanted[i], low, high);
        found[i] = row_at(place, wanted[i]);
    }
}

int64_t Segment::find(std::string_view wanted) const {
    const int64_t rank = names_.find(wanted);
    return rank < 0 ? -1 : int64_t(by_id(uint32_t(rank)));
}

void Segment::warm() const {
    madvise(const_cast<uint8_t*>(base_), bytes_, MADV_WILLNEED);
#ifdef MADV_POPULATE_READ
    madvise(const_cast<uint8_t*>(base_), bytes_, MADV_POPULATE_READ);  // Linux ≥ 5.14; refused before
#endif
}

void Segment::release(size_t offset, size_t length) const {
    const size_t page = size_t(sysconf(_SC_PAGESIZE)), first = std::min(offset, bytes_) / page * page;
    length = std::min(length, bytes_ - first);
    madvise(const_cast<uint8_t*>(base_) + first, length, MADV_DONTNEED);
    const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;  // removed meanwhile, and its pages go with the mapping
    posix_fadvise(fd, off_t(first), off_t(length), POSIX_FADV_DONTNEED);
    close(fd);
}

size_t Segment::resident_bytes() const {
    const size_t page = size_t(sysconf(_SC_PAGESIZE));
    std::vector<uint8_t> pages((bytes_ + page - 1) / page);
    if (mincore(const_cast<uint8_t*>(base_), bytes_, pages.data()) != 0) return 0;
    return page * size_t(std::count_if(pages.begin(), pages.end(), [](uint8_t p) { return p & 1; }));
}

int64_t first_bad_node(const uint8_t* nodes, size_t n, size_t node_bytes, size_t list_at, uint32_t links_max,
                       uint32_t rows) {
    for (size_t i = 0; i < n; ++i) {
        const uint8_t* list = nodes + i * node_bytes + list_at;
        const uint32_t count = load<uint32_t>(list);
        if (count > links_max) return int64_t(i);
        for (size_t j = 1; j <= count; ++j)
            if (load<uint32_t>(list + j * sizeof(uint32_t)) >= rows) return int64_t(i);
    }
    return -1;
}

}  // namespace asteroid
