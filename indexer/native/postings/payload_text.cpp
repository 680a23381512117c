#include "postings/payload_text.hpp"

namespace asteroid {

PayloadTexts::PayloadTexts(const std::vector<std::vector<std::string>>& paths)
    : nodes_(1), texts_(paths.size()) {
    for (size_t field = 0; field < paths.size(); ++field) {
        size_t node = 0;
        for (const std::string& name : paths[field]) {
            const auto [slot, is_new] = nodes_[node].members.try_emplace(name, nodes_.size());
            node = slot->second;
            if (is_new) nodes_.emplace_back();
        }
        nodes_[node].fields.push_back(field);
    }
}

void PayloadTexts::read(std::string_view payload) {
    forget(0);
    if (payload.empty()) return;
    JsonReader in(payload.data(), payload.size());
    try {
        object(in, 0);
        in.expect_end();
    } catch (const JsonError&) {
        forget(0);
    }
}

void PayloadTexts::forget(size_t node) {
    for (const size_t field : nodes_[node].fields) texts_[field].clear();
    for (const auto& [name, member] : nodes_[node].members) forget(member);
}

// It recurses no deeper than the paths go.
void PayloadTexts::object(JsonReader& in, size_t node) {
    in.expect('{');
    if (in.take('}')) return;
    do {
        std::string_view key = in.key();
        if (key.find('\\') != std::string_view::npos) {
            unescape(key, name_);
            key = name_;
        }
        const auto found = nodes_[node].members.find(key);
        if (found == nodes_[node].members.end()) {
            in.next();
            in.value(JsonReader::DEPTH_LIMIT);
            continue;
        }
        const size_t member = found->second;
        forget(member);
        value(in, member);
    } while (in.take(','));
    in.expect('}');
}

void PayloadTexts::value(JsonReader& in, size_t node) {
    const char first = in.next();
    const std::vector<size_t>& fields = nodes_[node].fields;
    if (first == '{' && !nodes_[node].members.empty()) return object(in, node);
    if (first == '"') {
        const std::string_view text = in.string();
        for (const size_t field : fields) texts_[field].push_back(text);
        return;
    }
    if (first != '[' || fields.empty()) {
        in.value(JsonReader::DEPTH_LIMIT);
        return;
    }
    in.expect('[');
    if (in.take(']')) return;
    do {
        if (in.next() == '"') {
            const std::string_view text = in.string();
            for (const size_t field : fields) texts_[field].push_back(text);
        } else {
            in.value(JsonReader::DEPTH_LIMIT);
        }
    } while (in.take(','));
    in.expect(']');
}

}  // namespace asteroid
