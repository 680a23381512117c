#include "postings/candidates.hpp"

#include <algorithm>

namespace asteroid {
namespace {

using Rows = std::vector<uint32_t>;

void spend(Allowance* allowance, uint64_t steps) {
    if (allowance) allowance->spend(steps * POSTING_STEPS);
}

Rows rows_of(const PostingList& list, uint32_t rows, Allowance* allowance) {
    Rows found;
    for (Cursor cursor(list); cursor.next() && cursor.row() < rows;) {
        if (found.size() % 4096 == 0) spend(allowance, 4096);
        found.push_back(cursor.row());
    }
    return found;
}

Rows united(Rows a, const Rows& b) {
    const size_t middle = a.size();
    a.insert(a.end(), b.begin(), b.end());
    std::inplace_merge(a.begin(), a.begin() + ssize_t(middle), a.end());
    a.erase(std::unique(a.begin(), a.end()), a.end());
    return a;
}

uint64_t size_of(const std::vector<PostingList>& lists) {
    uint64_t size = 0;
    for (const PostingList& list : lists) size += list.count;
    return size;
}

// Leaves the rows that one of the lists has.
void keep_those_in(Rows& rows, const std::vector<PostingList>& lists, Allowance* allowance) {
    spend(allowance, rows.size() * lists.size());
    std::vector<Cursor> cursors(lists.begin(), lists.end());
    const auto is_absent = [&](uint32_t row) {
        for (Cursor& cursor : cursors)
            if (cursor.seek(row) && cursor.row() == row) return false;
        return true;
    };
    size_t kept = 0;
    for (const uint32_t row : rows)
        if (!is_absent(row)) rows[kept++] = row;
    rows.resize(kept);
}

// Whether positions of all terms, each less its place, have one in common.
bool meets(std::vector<Cursor>& cursors, const std::vector<uint32_t>& places, std::vector<Rows>& buffers) {
    for (size_t i = 0; i < cursors.size(); ++i) cursors[i].positions(buffers[i]);
    for (const uint32_t position : buffers[0]) {
        if (position < places[0]) continue;
        const uint32_t start = position - places[0];
        bool is_whole = true;
        for (size_t i = 1; is_whole && i < cursors.size(); ++i)
            is_whole = std::binary_search(buffers[i].begin(), buffers[i].end(), start + places[i]);
        if (is_whole) return true;
    }
    return false;
}

}  // namespace

Rows rows_with_all(const std::vector<std::vector<PostingList>>& words, uint32_t rows, Allowance* allowance) {
    std::vector<const std::vector<PostingList>*> by_size;
    for (const auto& lists : words) by_size.push_back(&lists);
    std::sort(by_size.begin(), by_size.end(),
              [](const auto* a, const auto* b) { return size_of(*a) < size_of(*b); });
    if (by_size.empty()) return {};
    Rows found;
    for (const PostingList& list : *by_size[0])
        found = united(std::move(found), rows_of(list, rows, allowance));
    for (size_t i = 1; i < by_size.size(); ++i) keep_those_in(found, *by_size[i], allowance);
    return found;
}

Rows rows_with_phrase(const Run& run, const std::vector<Phrase>& phrases, uint32_t rows,
                      Allowance* allowance) {
    Rows all;
    for (const Phrase& phrase : phrases) {
        std::vector<std::vector<PostingList>> lists;
        std::vector<uint32_t> places;
        for (const auto& [term, place] : phrase) {
            PostingList list;
            if (!run.find(term, list)) break;
            lists.push_back({list});
            places.push_back(place);
        }
        if (lists.size() != phrase.size()) continue;
        Rows found = rows_with_all(lists, rows, allowance);
        std::vector<Cursor> cursors;
        for (const auto& each : lists) cursors.emplace_back(each[0]);
        std::vector<Rows> buffers(lists.size());
        size_t kept = 0;
        for (const uint32_t row : found) {
            uint64_t times = 0;
            for (Cursor& cursor : cursors) {
                cursor.seek(row);
                times += cursor.times();
            }
            spend(allowance, times);
            if (meets(cursors, places, buffers)) found[kept++] = row;
        }
        found.resize(kept);
        all = united(std::move(all), found);
    }
    return all;
}

}  // namespace asteroid
