// The conditions that items of a batch may carry, in columns that stay empty while no item has one.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace asteroid {

constexpr int64_t NO_MATCH = -1;   // nothing is asked
constexpr int64_t MATCH_ANY = -2;  // the id exists
constexpr int64_t LSN_LIMIT = int64_t(1) << 53;

// What becomes of an item whose id exists; `unsaid` is as the batch says.
enum OnExisting : uint8_t { replace = 0, skip = 1, fail = 2, unsaid = 255 };

inline std::optional<OnExisting> on_existing_of(std::string_view text) {
    if (text == "replace") return replace;
    if (text == "skip") return skip;
    if (text == "fail") return fail;
    return std::nullopt;
}

// An LSN, from the text of a number.
inline std::optional<int64_t> lsn_of(std::string_view text) {
    if (text.empty() || text.size() > 16 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    int64_t lsn = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        lsn = 10 * lsn + (c - '0');
    }
    return lsn < LSN_LIMIT ? std::optional(lsn) : std::nullopt;
}

struct ItemConditions {
    std::vector<int64_t> if_match;
    std::vector<uint8_t> on_existing;
    OnExisting of_all = unsaid;  // what the batch says

    void match(size_t item, int64_t lsn) {
        if_match.resize(item + 1, NO_MATCH);
        if_match[item] = lsn;
    }
    void existing(size_t item, OnExisting what) {
        on_existing.resize(item + 1, unsaid);
        on_existing[item] = what;
    }
    // Makes both columns as long as the batch, unless they are empty.
    void end(size_t items) {
        if (!if_match.empty()) if_match.resize(items, NO_MATCH);
        if (!on_existing.empty()) on_existing.resize(items, unsaid);
    }
};

}  // namespace asteroid
