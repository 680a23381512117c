// A scratch file that is written and read in pieces, by calls that fail with an error where a disk is full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace asteroid {

class WorkFile {
  public:
    // Makes no file before something is written.
    explicit WorkFile(std::string folder) : folder_(std::move(folder)) {}
    ~WorkFile();
    WorkFile(const WorkFile&) = delete;
    WorkFile& operator=(const WorkFile&) = delete;

    // A place for so many bytes, which nobody else is given.
    uint64_t place(size_t bytes);
    // These throw std::system_error.
    void write(uint64_t at, const void* from, size_t bytes);
    void read(uint64_t at, void* to, size_t bytes) const;
    // Gives the disk room back, where the file system can.
    void drop(uint64_t at, size_t bytes);

  private:
    std::string folder_;
    int fd_ = -1;
    uint64_t end_ = 0;
};

}  // namespace asteroid
