#include "builder/graph_builder.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "scratch/scratch_file.hpp"
#include "parts/layout.hpp"

namespace asteroid {
namespace {

// A row beyond this is taken for one as long: |x̂|² of the others still counts beside it.
constexpr double LONGEST_MAX = 1e33;

// Closed when it goes out of scope; a mapping keeps what it needs of the file.
struct FileDescriptor {
    int fd;
    ~FileDescriptor() {
        if (fd >= 0) close(fd);
    }
};

}  // namespace

GraphBuilder::GraphBuilder(const Shape& shape, uint32_t capacity, uint32_t links_max,
                           const std::string& folder)
    : shape_(shape),
      capacity_(capacity),
      links_max_(links_max),
      stride_(rounded_up(row_bytes(shape) + list_bytes(2 * size_t(links_max)), CACHE_LINE)),
      bytes_(std::max<size_t>(size_t(capacity) * stride_, 1)) {
    if (capacity > ROWS_MAX) throw std::length_error("a segment holds fewer rows");
    map(folder);
    ids_.reserve(capacity);
}

GraphBuilder::~GraphBuilder() { munmap(table_, bytes_); }

void GraphBuilder::map(const std::string& folder) {
    const FileDescriptor file{folder.empty() ? -1 : open_scratch(folder)};
    if (file.fd >= 0) reserve(file.fd, bytes_, folder);
    const int flags = file.fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    void* mapped = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags, file.fd, 0);
    if (mapped == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), folder.empty() ? "memory" : folder);
    madvise(mapped, bytes_, file.fd < 0 ? MADV_HUGEPAGE : MADV_RANDOM);
    table_ = static_cast<uint8_t*>(mapped);
}

void GraphBuilder::append(const uint64_t* ids, const uint8_t* rows, uint32_t n) {
    if (n > capacity_ - rows_) throw std::length_error("the graph builder is full");
    ids_.insert(ids_.end(), ids, ids + n);  // within what has been reserved
    const size_t bytes = row_bytes(shape_);
    for (uint32_t i = 0; i < n; ++i) {
        std::memcpy(entry(rows_ + i), rows + i * bytes, bytes);
        list(rows_ + i)[0] = 0;
        const double squared = squared_norm(header_of(entry(rows_ + i)), shape_.dim);
        longest_ = std::max(longest_, float(std::min(squared, LONGEST_MAX)));
    }
    rows_ += n;
}

size_t GraphBuilder::node_bytes() const { return asteroid::node_bytes(shape_, links_max_); }

void GraphBuilder::write_nodes(uint32_t first, uint32_t n, uint8_t* out) const {
    const size_t record_size = record_bytes(shape_), bytes = node_bytes();
    for (uint32_t i = 0; i < n; ++i, out += bytes) {
        const uint32_t row = row_at.at(first + i);
        const Links from = links(row);
        std::memset(out, 0, bytes);
        std::memcpy(out, record(row), record_size);
        uint8_t* to = out + record_size;
        store(to, from.count);
        for (uint32_t j = 0; j < from.count; ++j)
            store(to += sizeof(uint32_t), place_of[from[j]]);
    }
}

void GraphBuilder::write_fine(uint32_t first, uint32_t n, uint8_t* out) const {
    const size_t bytes = fine_bytes(shape_.dim);
    for (uint32_t i = 0; i < n; ++i) std::memcpy(out + i * bytes, fine(row_at.at(first + i)), bytes);
}

}  // namespace asteroid
