#include "builder/name_list.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "scratch/scratch_file.hpp"
#include "names/names.hpp"

namespace asteroid {

NameList::NameList(size_t text_bytes, const std::string& folder) : bytes_(std::max<size_t>(text_bytes, 1)) {
    const int fd = folder.empty() ? -1 : open_scratch(folder);
    const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    void* mapped = MAP_FAILED;
    int error = 0;
    try {
        if (fd >= 0) reserve(fd, bytes_, folder);
        mapped = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags, fd, 0);
        error = errno;
    } catch (...) {
        if (fd >= 0) close(fd);
        throw;
    }
    if (fd >= 0) close(fd);
    if (mapped == MAP_FAILED)
        throw std::system_error(error, std::generic_category(), folder.empty() ? "memory" : folder);
    text_ = static_cast<char*>(mapped);
}

NameList::~NameList() { munmap(text_, bytes_); }

void NameList::take(const Part& part, const uint32_t* ordinals, size_t n) {
    const auto first = uint32_t(names_.size());
    names_.reserve(first + n);
    for (size_t i = 0; i < n; ++i) names_.push_back(part.name(ordinals[i]));
    runs_.push_back(run_of(part, ordinals, first, n));
}

// The rows of a segment are in order by their ranks, which are copied here: a file that is damaged while its
// names are compared could lead a sort astray. Names in memory stay as they are.
NameList::Run NameList::run_of(const Part& part, const uint32_t* ordinals, uint32_t first, size_t n) const {
    Run run(n);
    std::iota(run.begin(), run.end(), first);
    if (!part.has_ranks()) {
        std::sort(run.begin(), run.end(), [&](uint32_t a, uint32_t b) { return names_[a] < names_[b]; });
        return run;
    }
    std::vector<uint64_t> ranks(n);
    for (size_t i = 0; i < n; ++i) ranks[i] = part.id(ordinals[i]);
    std::sort(run.begin(), run.end(),
              [&](uint32_t a, uint32_t b) { return ranks[a - first] < ranks[b - first]; });
    return run;
}

void NameList::append(const std::string_view* names, size_t n) {
    if (copied_ == 0) copied_from_ = uint32_t(names_.size());
    names_.reserve(std::max(names_.capacity(), names_.size() + n));
    for (size_t i = 0; i < n; ++i) {
        if (names[i].size() > bytes_ - used_) throw std::length_error("there is no room for so many names");
        std::memcpy(text_ + used_, names[i].data(), names[i].size());
        names_.emplace_back(text_ + used_, names[i].size());
        used_ += names[i].size();
        ++copied_;
    }
}

std::vector<uint32_t> NameList::order() const {
    std::vector<Run> runs = runs_;
    if (copied_ > 0) {
        Run run(copied_);
        std::iota(run.begin(), run.end(), copied_from_);
        std::sort(run.begin(), run.end(), [&](uint32_t a, uint32_t b) { return names_[a] < names_[b]; });
        runs.push_back(std::move(run));
    }
    while (runs.size() > 1) {
        std::vector<Run> fewer;
        for (size_t i = 0; i + 1 < runs.size(); i += 2) fewer.push_back(merged(runs[i], runs[i + 1]));
        if (runs.size() % 2 == 1) fewer.push_back(std::move(runs.back()));
        runs = std::move(fewer);
    }
    Run order = runs.empty() ? Run() : std::move(runs.front());
    for (size_t i = 0; i < order.size(); ++i)
        if (!is_name(names_[order[i]]) || (i > 0 && !(names_[order[i - 1]] < names_[order[i]])))
            throw DamagedSegment("two rows have one id, or the table of ids is not as it was");
    return order;
}

NameList::Run NameList::merged(const Run& a, const Run& b) const {
    Run all;
    all.reserve(a.size() + b.size());
    size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) all.push_back(names_[b[j]] < names_[a[i]] ? b[j++] : a[i++]);
    all.insert(all.end(), a.begin() + ptrdiff_t(i), a.end());
    all.insert(all.end(), b.begin() + ptrdiff_t(j), b.end());
    return all;
}

}  // namespace asteroid
