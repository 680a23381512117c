// A file without a name, for work that does not fit into memory; it goes when it is closed.
#pragma once

#include <cstddef>
#include <string>

namespace asteroid {

// How the name begins that a scratch file has for a moment, where the file system knows no nameless files. A
// crash in this moment leaves an empty file.
constexpr const char* SCRATCH_PREFIX = "scratch-";

// Opens a nameless file in `folder`; throws std::system_error.
int open_scratch(const std::string& folder);

// The same where O_TMPFILE is not supported: makes a file and removes its name.
int open_unlinked(const std::string& folder);

// Takes room on the disk for `bytes` of an open file; throws std::system_error, with `folder` in its text. A
// full disk that is met later, through a mapping, would be a signal.
void reserve(int fd, size_t bytes, const std::string& folder);

}  // namespace asteroid
