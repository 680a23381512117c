// Some fields of JSON objects: those at chosen paths, with the objects that lead to them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "json/reader.hpp"

namespace asteroid {

class Projection {
  public:
    // Each path is the names of members from the root, at least one.
    explicit Projection(const std::vector<std::vector<std::string>>& paths);

    // Appends what `text`, a JSON object, has at the paths: members in their order, texts of values as they
    // are. What a path does not lead to is left out, and so is an object in which nothing is left. Arrays are
    // not entered. Throws JsonError.
    void apply(std::string_view text, std::string& out) const;

  private:
    struct Node {
        bool is_whole = false;  // the value is wanted as it is
        std::map<std::string, size_t, std::less<>> members;  // their places in nodes_
    };

    const Node* member(const Node& node, std::string_view key, std::string& unescaped) const;
    bool members(JsonReader& in, const Node& node, std::string& out, std::string& unescaped) const;

    std::vector<Node> nodes_;  // the root first
};

}  // namespace asteroid
