// The names of the rows that a segment is built of, by the places of these rows, and their order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parts/part.hpp"

namespace asteroid {

class NameList {
  public:
    // Room for the copies of `text_bytes` bytes of names: in memory, or with a `folder` in a nameless file
    // there. Throws std::system_error.
    NameList(size_t text_bytes, const std::string& folder);
    ~NameList();
    NameList(const NameList&) = delete;
    NameList& operator=(const NameList&) = delete;

    // Takes the names of some rows of a part, which must stay; throws DamagedSegment.
    void take(const Part& part, const uint32_t* ordinals, size_t n);
    // Copies names; throws std::length_error beyond the room.
    void append(const std::string_view* names, size_t n);

    size_t rows() const { return names_.size(); }
    std::string_view at(uint32_t place) const { return names_.at(place); }
    // The places in the order of their names. Throws DamagedSegment when two are equal or one is no name.
    std::vector<uint32_t> order() const;

  private:
    using Run = std::vector<uint32_t>;  // places in order

    Run run_of(const Part& part, const uint32_t* ordinals, uint32_t first, size_t n) const;
    Run merged(const Run& a, const Run& b) const;

    char* text_ = nullptr;
    size_t bytes_;
    size_t used_ = 0;
    uint32_t copied_from_ = 0, copied_ = 0;  // places of names that were copied, in one stretch
    std::vector<std::string_view> names_;
    std::vector<Run> runs_;
};

}  // namespace asteroid
