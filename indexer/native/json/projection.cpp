#include "json/projection.hpp"

namespace asteroid {

Projection::Projection(const std::vector<std::vector<std::string>>& paths) : nodes_(1) {
    for (const std::vector<std::string>& path : paths) {
        size_t node = 0;
        for (const std::string& name : path) {
            const auto [slot, is_new] = nodes_[node].members.try_emplace(name, nodes_.size());
            node = slot->second;
            if (is_new) nodes_.emplace_back();
        }
        nodes_[node].is_whole = true;
    }
}

void Projection::apply(std::string_view text, std::string& out) const {
    JsonReader in(text.data(), text.size());
    std::string unescaped;
    members(in, nodes_.front(), out, unescaped);
    in.expect_end();
}

const Projection::Node* Projection::member(const Node& node, std::string_view key,
                                           std::string& unescaped) const {
    std::string_view name = key;
    if (key.find('\\') != std::string_view::npos) {
        unescape(key, unescaped);
        name = unescaped;
    }
    const auto found = node.members.find(name);
    return found == node.members.end() ? nullptr : &nodes_[found->second];
}

// Writes the object, and tells whether it has any members. It recurses no deeper than the paths go.
bool Projection::members(JsonReader& in, const Node& node, std::string& out, std::string& unescaped) const {
    in.expect('{');
    out += '{';
    bool any = false;
    if (!in.take('}')) {
        do {
            const std::string_view key = in.key();
            const Node* const wanted = member(node, key, unescaped);
            const char first = in.next();
            if (!wanted || (!wanted->is_whole && first != '{')) {
                in.value(JsonReader::DEPTH_LIMIT);
                continue;
            }
            const size_t before = out.size();
            if (any) out += ',';
            out.append("\"").append(key).append("\":");
            bool has_value = true;
            if (wanted->is_whole)
                out += in.value(JsonReader::DEPTH_LIMIT);
            else
                has_value = members(in, *wanted, out, unescaped);
            if (has_value)
                any = true;
            else
                out.resize(before);
        } while (in.take(','));
        in.expect('}');
    }
    out += '}';
    return any;
}

}  // namespace asteroid
