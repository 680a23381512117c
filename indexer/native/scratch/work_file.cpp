#include "scratch/work_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "scratch/scratch_file.hpp"

namespace asteroid {

WorkFile::~WorkFile() {
    if (fd_ >= 0) close(fd_);
}

uint64_t WorkFile::place(size_t bytes) {
    const uint64_t at = end_;
    end_ += bytes;
    return at;
}

void WorkFile::write(uint64_t at, const void* from, size_t bytes) {
    if (fd_ < 0) fd_ = open_scratch(folder_);
    for (size_t done = 0; done < bytes;) {
        const char* const rest = static_cast<const char*>(from) + done;
        const ssize_t written = pwrite(fd_, rest, bytes - done, off_t(at + done));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) throw std::system_error(written ? errno : ENOSPC, std::generic_category(), folder_);
        done += size_t(written);
    }
}

void WorkFile::read(uint64_t at, void* to, size_t bytes) const {
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = pread(fd_, static_cast<char*>(to) + done, bytes - done, off_t(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) throw std::system_error(got ? errno : EIO, std::generic_category(), folder_);
        done += size_t(got);
    }
}

void WorkFile::drop(uint64_t at, size_t bytes) {
    if (fd_ >= 0 && bytes > 0)  // what remains of it goes when the file is closed
        (void)fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off_t(at), off_t(bytes));
}

}  // namespace asteroid
