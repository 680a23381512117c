#include "scratch/scratch_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace asteroid {
namespace {

[[noreturn]] void fail(int error, const std::string& folder) {
    throw std::system_error(error, std::generic_category(), folder);
}

// What kernels and file systems answer that know no O_TMPFILE: some take it for O_DIRECTORY.
bool is_unsupported(int error) { return error == EOPNOTSUPP || error == EISDIR || error == EINVAL; }

}  // namespace

int open_scratch(const std::string& folder) {
    const int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    if (!is_unsupported(errno)) fail(errno, folder);
    return open_unlinked(folder);
}

int open_unlinked(const std::string& folder) {
    std::string path = folder + "/" + SCRATCH_PREFIX + "XXXXXX";
    const int fd = mkostemp(path.data(), O_CLOEXEC);
    if (fd < 0) fail(errno, folder);
    if (unlink(path.c_str()) != 0) {
        const int error = errno;
        close(fd);
        fail(error, folder);
    }
    return fd;
}

void reserve(int fd, size_t bytes, const std::string& folder) {
    if (const int error = posix_fallocate(fd, 0, off_t(bytes))) fail(error, folder);
}

}  // namespace asteroid
