#include "postings/run.hpp"

#include <algorithm>

namespace asteroid {

FileRun::Group FileRun::group(uint32_t number) const {
    Group found;
    std::memcpy(&found, base_ + layout_.groups + size_t(number) * sizeof(Group), sizeof(Group));
    if (found.words >= layout_.words_bytes || found.postings > layout_.postings_bytes ||
        found.positions > layout_.positions_bytes)
        throw DamagedSegment("a group of terms lies outside its section");
    return found;
}

std::string_view FileRun::first_term(uint32_t number) const {
    const uint8_t* const at = base_ + layout_.words + group(number).words;
    const uint64_t left = layout_.words_bytes - group(number).words;
    if (left < 2 || left - 2 < at[1]) throw DamagedSegment("a term lies outside its section");
    return {reinterpret_cast<const char*>(at + 2), at[1]};
}

bool FileRun::find(std::string_view term, PostingList& list) const {
    const uint32_t groups = (layout_.terms + GROUP_TERMS - 1) / GROUP_TERMS;
    uint32_t low = 0, high = groups;  // the first group that begins with a greater term
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (first_term(middle) <= term)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return false;
    const Group where = group(low - 1);
    const uint8_t* at = base_ + layout_.words + where.words;
    const uint8_t* const end = base_ + layout_.words + layout_.words_bytes;
    uint64_t postings = where.postings, positions = where.positions;
    const uint32_t count = std::min(GROUP_TERMS, layout_.terms - (low - 1) * GROUP_TERMS);
    char name[256];
    size_t length = 0;
    for (uint32_t i = 0; i < count; ++i) {
        if (end - at < 2) throw DamagedSegment("a term lies outside its section");
        const size_t shared = at[0], more = at[1];
        at += 2;
        if (shared > length || shared + more >= sizeof(name) || size_t(end - at) < more)
            throw DamagedSegment("a term lies outside its section");
        std::memcpy(name + shared, at, more);
        length = shared + more;
        at += more;
        const uint32_t size = read_varint(at, end), positions_size = read_varint(at, end);
        const int order = std::string_view(name, length).compare(term);
        if (order == 0) {
            list = list_at(postings, size, positions, positions_size);
            return true;
        }
        if (order > 0) return false;
        postings += size;
        positions += positions_size;
    }
    return false;
}

PostingList FileRun::list_at(uint64_t postings, uint32_t size, uint64_t positions,
                             uint32_t positions_size) const {
    if (postings + size > layout_.postings_bytes || positions + positions_size > layout_.positions_bytes)
        throw DamagedSegment("postings lie outside their section");
    PostingList list;
    list.rows = base_ + layout_.postings + postings;
    list.rows_end = list.rows + size;
    list.positions = base_ + layout_.positions + positions;
    list.positions_end = list.positions + positions_size;
    list.count = read_varint(list.rows, list.rows_end);
    if (list.count > layout_.rows) throw DamagedSegment("a term has more rows than there are");
    if (list.count > BLOCK_ROWS) {
        const size_t bytes = size_t((list.count + BLOCK_ROWS - 1) / BLOCK_ROWS) * sizeof(Skip);
        if (size_t(list.rows_end - list.rows) < bytes) throw DamagedSegment("postings are too short");
        list.skips = list.rows;
        list.rows += bytes;
    }
    return list;
}

}  // namespace asteroid
