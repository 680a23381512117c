#include "build/copies.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

namespace asteroid {
namespace {

constexpr size_t BRANCHES = 4;  // copies that hang onto a point of a tree
constexpr uint32_t SHARED = 8;  // links of the first point that each copy gets
constexpr uint32_t COMPARISONS = 1 << 16;  // of hashes, between two checks

// Removes links to points of an ascending group.
void remove_members(uint32_t* list, const std::vector<uint32_t>& group) {
    uint32_t* const end = std::remove_if(list + 1, list + 1 + list[0], [&](uint32_t to) {
        return std::binary_search(group.begin(), group.end(), to);
    });
    list[0] = uint32_t(end - (list + 1));
}

}  // namespace

Copies::Copies(const Points& points, Progress& progress) {
    const auto bytes_of = [&](uint32_t point) {
        return std::string_view(reinterpret_cast<const char*>(points.record(point)),
                                record_bytes(points.shape()));
    };
    struct Hashed {
        size_t hash;
        uint32_t point;
    };
    std::vector<Hashed> hashed(points.count);
    CancelCheck check(progress), check_sorting(progress, COMPARISONS);
    for (uint32_t point = 0; point < points.count; ++point) {
        hashed[point] = {std::hash<std::string_view>{}(bytes_of(point)), point};
        check.step();
    }
    std::sort(hashed.begin(), hashed.end(), [&](const Hashed& a, const Hashed& b) {
        check_sorting.step();
        return a.hash < b.hash || (a.hash == b.hash && a.point < b.point);
    });
    different_.reserve(points.count);
    for (size_t first = 0, last; first < hashed.size(); first = last) {
        for (last = first + 1; last < hashed.size() && hashed[last].hash == hashed[first].hash;) ++last;
        const uint32_t one = hashed[first].point;
        different_.push_back(one);
        std::vector<uint32_t> group{one};
        check.step();
        for (size_t i = first + 1; i < last; ++i) {
            check.step();
            if (bytes_of(hashed[i].point) == bytes_of(one))
                group.push_back(hashed[i].point);
            else
                different_.push_back(hashed[i].point);  // another vector of the same hash
        }
        if (group.size() > 1) others_.push_back(std::move(group));
    }
    std::sort(different_.begin(), different_.end(), [&](uint32_t a, uint32_t b) {
        check_sorting.step();
        return a < b;
    });
}

void Copies::link(const LinkTable& table, Progress& progress) const {
    CancelCheck check(progress);
    const auto append = [&](uint32_t* list, uint32_t to) {
        if (list[0] < table.most) list[++list[0]] = to;
    };
    for (const std::vector<uint32_t>& group : others_) {
        uint32_t* const first = table.list(group[0]);
        remove_members(first, group);
        first[0] = std::min(first[0], table.most - uint32_t(std::min(BRANCHES, group.size() - 1)));
        const uint32_t shared = std::min(first[0], SHARED);
        for (size_t i = 1; i < group.size(); ++i) {
            uint32_t* const list = table.list(group[i]);
            list[0] = 0;
            append(list, group[(i - 1) / BRANCHES]);
            for (size_t child = BRANCHES * i + 1; child <= BRANCHES * (i + 1) && child < group.size();
                 ++child)
                append(list, group[child]);
            for (uint32_t j = 1; j <= shared; ++j) append(list, first[j]);
            check.step();
        }
        for (size_t child = 1; child <= BRANCHES && child < group.size(); ++child)
            append(first, group[child]);
    }
}

void hang_copies(GraphBuilder& builder, Progress& progress) {
    const Copies copies(Points{&builder, 0, builder.rows()}, progress);
    copies.link({builder.list(0), builder.stride() / sizeof(uint32_t), builder.ground_links_max()},
                progress);
}

}  // namespace asteroid
