#include "words/unicode.hpp"

#include <algorithm>
#include <unordered_map>

#include "words/unicode_data.hpp"

namespace asteroid {
namespace {

constexpr uint32_t CODES = 0x110000, BLOCK = 256;
// Syllables of Hangul: leading and vowel jamo, and trailing ones after the first, which stands for none.
constexpr uint32_t SYLLABLES = 0xac00, SYLLABLE_COUNT = 11172, LEADING = 0x1100, VOWELS = 0x1161,
                   TRAILING = 0x11a7, LEADING_COUNT = 19, VOWEL_COUNT = 21, TRAILING_COUNT = 28;

std::vector<uint8_t> decoded(const char* text) {
    uint8_t values[256] = {};
    const char* const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (uint8_t i = 0; i < 64; ++i) values[uint8_t(digits[i])] = i;
    std::vector<uint8_t> out;
    uint32_t bits = 0, held = 0;
    for (; *text && *text != '='; ++text) {
        bits = bits << 6 | values[uint8_t(*text)];
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out.push_back(uint8_t(bits >> held));
    }
    return out;
}

class Varints {
  public:
    explicit Varints(const char* text) : bytes_(decoded(text)) {}
    bool more() const { return at_ < bytes_.size(); }
    uint32_t next() {
        uint32_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const uint8_t byte = bytes_[at_++];
            value |= uint32_t(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
    }
    int32_t next_signed() {
        const uint32_t value = next();
        return value & 1 ? -int32_t(value >> 1) - 1 : int32_t(value >> 1);
    }

  private:
    std::vector<uint8_t> bytes_;
    size_t at_ = 0;
};

// A byte for each character, equal blocks of them kept once.
class ByteMap {
  public:
    explicit ByteMap(const char* runs) {
        Varints in(runs);
        std::vector<uint8_t> all;
        all.reserve(CODES);
        while (in.more()) {
            const uint32_t length = in.next();
            all.resize(all.size() + length, uint8_t(in.next()));
        }
        std::unordered_map<std::string, uint16_t> known;
        for (uint32_t first = 0; first < CODES; first += BLOCK) {
            const std::string block(all.begin() + first, all.begin() + first + BLOCK);
            const auto [slot, is_new] = known.try_emplace(block, uint16_t(known.size()));
            if (is_new) blocks_.insert(blocks_.end(), block.begin(), block.end());
            places_.push_back(slot->second);
        }
    }
    uint8_t of(uint32_t code) const {
        return code < CODES ? blocks_[places_[code / BLOCK] * BLOCK + code % BLOCK] : 0;
    }

  private:
    std::vector<uint16_t> places_;
    std::vector<uint8_t> blocks_;
};

struct Range {
    uint32_t first, count, deltas, codes;  // where its deltas begin; codes that each becomes
};

struct Table {
    ByteMap kinds{UNICODE_KINDS};
    ByteMap classes{UNICODE_CLASSES};  // canonical combining classes: the order of marks
    std::vector<Range> ranges;         // of characters that become others, ascending
    std::vector<int32_t> deltas;
    std::unordered_map<uint64_t, uint32_t> pairs;  // what a character and a mark after it are together

    Table() {
        uint32_t last = 0;
        for (const char* text : {UNICODE_MAPPINGS, UNICODE_MAPPINGS_ON})
            for (Varints in(text); in.more();) last = read(in, last);
    }

    uint32_t read(Varints& in, uint32_t last) {
        const uint32_t first = last + in.next(), count = in.next(), sizes = in.next();
        ranges.push_back({first, count, uint32_t(deltas.size()), sizes >> 1});
        for (uint32_t i = 0; i < sizes >> 1; ++i) deltas.push_back(in.next_signed());
        if (sizes & 1) {
            const uint32_t mark = uint32_t(int32_t(first) + deltas.back());
            pairs[uint64_t(int32_t(first) + in.next_signed()) << 32 | mark] = first;
        }
        return first + count;
    }

    uint32_t pair(uint32_t a, uint32_t b) const {
        if (a - LEADING < LEADING_COUNT && b - VOWELS < VOWEL_COUNT)
            return SYLLABLES + ((a - LEADING) * VOWEL_COUNT + (b - VOWELS)) * TRAILING_COUNT;
        if (a - SYLLABLES < SYLLABLE_COUNT && (a - SYLLABLES) % TRAILING_COUNT == 0 && b > TRAILING &&
            b - TRAILING < TRAILING_COUNT)
            return a + (b - TRAILING);
        const auto found = pairs.find(uint64_t(a) << 32 | b);
        return found == pairs.end() ? 0 : found->second;
    }
};

const Table& table() {
    static const Table made;
    return made;
}

}  // namespace

uint32_t next_character(std::string_view text, size_t& at) {
    const auto byte = [&](size_t i) { return uint8_t(text[i]); };
    const uint8_t lead = byte(at++);
    if (lead < 0x80) return lead;
    const unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 0;
    if (more == 0 || lead > 0xf4) return NO_CHARACTER;
    uint32_t code = lead & (0x3fu >> more);
    for (unsigned i = 0; i < more; ++i) {
        if (at == text.size() || (byte(at) & 0xc0) != 0x80) return NO_CHARACTER;
        code = code << 6 | (byte(at++) & 0x3fu);
    }
    const uint32_t least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
    return code < least || code >= CODES || (code >= 0xd800 && code < 0xe000) ? NO_CHARACTER : code;
}

void append_utf8(uint32_t code, std::string& out) {
    if (code < 0x80) {
        out += char(code);
    } else if (code < 0x800) {
        out += char(0xc0 | code >> 6);
        out += char(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        out += char(0xe0 | code >> 12);
        out += char(0x80 | (code >> 6 & 0x3f));
        out += char(0x80 | (code & 0x3f));
    } else {
        out += char(0xf0 | code >> 18);
        out += char(0x80 | (code >> 12 & 0x3f));
        out += char(0x80 | (code >> 6 & 0x3f));
        out += char(0x80 | (code & 0x3f));
    }
}

CharKind kind_of(uint32_t code) { return CharKind(table().kinds.of(code)); }

void append_folded(uint32_t code, std::vector<uint32_t>& out) {
    const Table& all = table();
    const auto is_before = [](uint32_t value, const Range& range) { return value < range.first; };
    const auto after = std::upper_bound(all.ranges.begin(), all.ranges.end(), code, is_before);
    if (after != all.ranges.begin()) {
        const Range& range = *(after - 1);
        if (code - range.first < range.count) {
            for (uint32_t i = 0; i < range.codes; ++i)
                out.push_back(uint32_t(int32_t(code) + all.deltas[range.deltas + i]));
            return;
        }
    }
    out.push_back(code);
}

void compose(std::vector<uint32_t>& codes) {
    const Table& all = table();
    for (size_t first = 0; first < codes.size();) {  // runs of marks, in the order of their classes
        size_t last = first;
        while (last < codes.size() && all.classes.of(codes[last]) != 0) ++last;
        std::stable_sort(codes.begin() + ssize_t(first), codes.begin() + ssize_t(last),
                         [&](uint32_t a, uint32_t b) { return all.classes.of(a) < all.classes.of(b); });
        first = last + 1;
    }
    constexpr size_t none = size_t(-1);
    size_t starter = none, kept = 0;
    uint8_t before = 0;  // the class of what was kept last after the starter
    for (const uint32_t code : codes) {
        const uint8_t mark = all.classes.of(code);
        const bool is_next = starter != none && (kept == starter + 1 || (before != 0 && before < mark));
        const uint32_t joined = is_next ? all.pair(codes[starter], code) : 0;
        if (joined != 0) {
            codes[starter] = joined;
            continue;
        }
        if (mark == 0) starter = kept;
        before = mark;
        codes[kept++] = code;
    }
    codes.resize(kept);
}

const char* unicode_version() { return UNICODE_VERSION; }

}  // namespace asteroid
