// What the tests and benchmarks of the core share: vectors, graphs and segment files.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "build/batch.hpp"
#include "builder/graph_builder.hpp"
#include "finish/hierarchy.hpp"
#include "parts/segment.hpp"
#include "quant/query.hpp"
#include "quant/sq8.hpp"
#include "threads/parallel.hpp"

namespace asteroid::testing {

inline std::vector<float> gaussians(size_t rows, size_t dim, uint32_t seed = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(rows * dim);
    for (float& value : values) value = normal(random);
    return values;
}

inline std::vector<uint8_t> encoded(const std::vector<float>& vectors, const Shape& shape) {
    const size_t rows = vectors.size() / shape.dim, stride = row_bytes(shape);
    std::vector<uint8_t> bytes(rows * stride);
    for (size_t i = 0; i < rows; ++i) encode(&vectors[i * shape.dim], shape, &bytes[i * stride]);
    return bytes;
}

inline std::vector<uint64_t> counted(size_t rows) {
    std::vector<uint64_t> ids(rows);
    std::iota(ids.begin(), ids.end(), 0);
    return ids;
}

inline Progress wanted() {
    return Progress([] { return true; });
}

// A finished graph over the vectors.
inline std::unique_ptr<GraphBuilder> built(const std::vector<float>& vectors, const Shape& shape,
                                           uint32_t links_max = 8, uint32_t threads = 1) {
    const uint32_t rows = uint32_t(vectors.size() / shape.dim);
    auto builder = std::make_unique<GraphBuilder>(shape, rows, links_max, "");
    const std::vector<uint64_t> ids = counted(rows);
    builder->append(ids.data(), encoded(vectors, shape).data(), rows);
    Progress progress = wanted();
    link_all(*builder, 0, threads, progress);
    finish(*builder, threads, progress);
    return builder;
}

// A file that is removed when it goes out of scope.
class TemporaryFile {
  public:
    TemporaryFile() {
        std::string path = folder() + "/asteroid-core-XXXXXX";
        close(mkstemp(path.data()));
        path_ = path;
    }
    ~TemporaryFile() { unlink(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const std::string& path() const { return path_; }
    static std::string folder() {
        const char* given = std::getenv("TMPDIR");
        return given ? given : "/tmp";
    }

  private:
    std::string path_;
};

// A finished graph written to a file, as a segment has it.
struct SegmentFile {
    TemporaryFile file;
    SegmentLayout layout{};
    std::vector<uint8_t> bytes;

    explicit SegmentFile(const GraphBuilder& builder) {
        const Shape& shape = builder.shape();
        const uint32_t rows = builder.rows();
        const auto section = [this](size_t size) {
            const size_t at = rounded_up(bytes.size(), SECTION_ALIGN);
            bytes.resize(at + size);
            return at;
        };
        layout.rows = layout.vector_rows = rows;
        layout.links_max = builder.links_max();
        layout.nodes = section(rows * builder.node_bytes());
        builder.write_nodes(0, rows, &bytes[layout.nodes]);
        if (shape.has_fine) {
            layout.fine = section(rows * fine_bytes(shape.dim));
            builder.write_fine(0, rows, &bytes[layout.fine]);
        }
        layout.ids = section(rows * sizeof(uint64_t));
        std::vector<uint32_t> order(rows);
        std::iota(order.begin(), order.end(), 0u);
        std::sort(order.begin(), order.end(),
                  [&](uint32_t a, uint32_t b) { return builder.id_at(a) < builder.id_at(b); });
        for (uint32_t i = 0; i < rows; ++i) store(&bytes[layout.ids + 8 * i], builder.id_at(i));
        layout.by_id = section(rows * sizeof(uint32_t));
        std::memcpy(&bytes[layout.by_id], order.data(), rows * sizeof(uint32_t));
        for (const UpperLevel& level : builder.upper) {
            const size_t at = section(level.links.size() * sizeof(uint32_t));
            if (!level.links.empty())
                std::memcpy(&bytes[at], level.links.data(), level.links.size() * sizeof(uint32_t));
            layout.upper.push_back({at, level.count});
        }
        write();
    }

    void write() const {
        std::fstream out(file.path(), std::ios::binary | std::ios::in | std::ios::out);
        out.write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
    }
};

}  // namespace asteroid::testing
