// The texts that a payload has at some paths: strings, and the strings of arrays.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "json/reader.hpp"

namespace asteroid {

class PayloadTexts {
  public:
    // Each path is the names of members from the root, at least one; they are the fields, by number.
    explicit PayloadTexts(const std::vector<std::vector<std::string>>& paths);

    // Reads a payload. What is not a JSON object has no texts; of a name given twice the last one counts.
    void read(std::string_view payload);
    // The texts of a field, their escapes as they are; good while the payload is.
    const std::vector<std::string_view>& of(size_t field) const { return texts_[field]; }

  private:
    struct Node {
        std::map<std::string, size_t, std::less<>> members;  // their places in nodes_
        std::vector<size_t> fields;                          // at this path
    };

    void object(JsonReader& in, size_t node);
    void value(JsonReader& in, size_t node);
    void forget(size_t node);

    std::vector<Node> nodes_;  // the root first
    std::vector<std::vector<std::string_view>> texts_;
    std::string name_;
};

}  // namespace asteroid
