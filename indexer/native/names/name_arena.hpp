// Names in memory that neither move nor go as long as the arena is there.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace asteroid {

class NameArena {
  public:
    // A copy of a name.
    std::string_view keep(std::string_view name) {
        if (name.size() > room_) add_block(name.size());
        char* const copy = next_;
        std::memcpy(copy, name.data(), name.size());
        next_ += name.size();
        room_ -= name.size();
        return {copy, name.size()};
    }
    size_t bytes() const { return bytes_; }

  private:
    static constexpr size_t BLOCK = 16384;

    void add_block(size_t least) {
        const size_t size = least > BLOCK ? least : BLOCK;
        blocks_.push_back(std::make_unique<char[]>(size));
        next_ = blocks_.back().get();
        room_ = size;
        bytes_ += size;
    }

    std::vector<std::unique_ptr<char[]>> blocks_;
    char* next_ = nullptr;
    size_t room_ = 0;
    size_t bytes_ = 0;
};

}  // namespace asteroid
