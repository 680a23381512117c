// Request bodies as columns: the items of a batch, and the payloads of a bulk load.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "item_conditions.hpp"

namespace asteroid {

// Why a body is refused. `code` is one of the API's; `item` is -1 outside of any item.
struct ReadError {
    std::string code;
    int64_t item;
    std::string message;
};

// Where texts lie in the body; an offset of -1 where there is none.
struct Spans {
    std::vector<int64_t> offsets;
    std::vector<int64_t> lengths;
};

// How the id of an item is kept: as an integer, or as a string of bounded length.
enum class IdKind { integer, string };
constexpr size_t NAME_BYTES_MAX = 512;

// Strings one after the other, and where each ends.
struct Names {
    std::string text;
    std::vector<size_t> ends;

    size_t size() const { return ends.size(); }
    std::string_view operator[](size_t i) const {
        const size_t start = i == 0 ? 0 : ends[i - 1];
        return std::string_view(text).substr(start, ends[i] - start);
    }
    void add(std::string_view name) {
        text += name;
        ends.push_back(text.size());
    }
};

struct Items {
    std::vector<uint64_t> ids;   // or
    Names names;
    std::vector<float> vectors;  // row by row, of the items that have one
    std::vector<uint8_t> bare;   // 1 for each item without a vector, where vectors are optional; else empty
    Spans payloads;
    ItemConditions conditions;
};

struct PayloadLimits {
    size_t bytes_max;
    unsigned depth_max;
};

struct ItemForm {
    IdKind kind = IdKind::integer;
    bool is_optional = false;  // the vector of an item may be null or left out
    bool is_list = false;      // the array of the items alone, which may be empty
};

// {"items": [{"id": …, "vector": […], "metadata": {…}?, "if_match": …?, "on_existing": …?}, …],
//  "on_existing": …?}
Items read_items(std::string_view body, size_t dim, size_t items_max, PayloadLimits limits, ItemForm form);

// An array of exactly `count` objects or nulls.
Spans read_objects(std::string_view body, size_t count, PayloadLimits limits);

struct NamedRows {
    Spans ids;  // with their quotes, and escapes as they are
    Spans payloads;
};

// An array of exactly `count` objects {"id": "…", "metadata": {…}?}.
NamedRows read_named_rows(std::string_view body, size_t count, PayloadLimits limits);

}  // namespace asteroid
