// Micro-benchmarks of the core: kernels, encoding, walks, the JSON reader.
#include <benchmark/benchmark.h>

#include <numeric>

#include "json/numbers.hpp"
#include "json/reader.hpp"
#include "quant/kernels.hpp"
#include "search/walk.hpp"
#include "support.hpp"

namespace asteroid {
namespace {

using testing::built;
using testing::encoded;
using testing::gaussians;

void dot_one(benchmark::State& state, const Kernels& set) {
    const size_t n = size_t(state.range(0));
    std::vector<uint8_t> a(n, 3), b(n, 5);
    for (auto _ : state) benchmark::DoNotOptimize(set.dot_u8(a.data(), uint32_t(3 * n), b.data(), n));
    state.SetBytesProcessed(int64_t(state.iterations() * n));
}

void dot_four(benchmark::State& state, const Kernels& set) {
    const size_t n = size_t(state.range(0));
    std::vector<uint8_t> a(n, 3), b(n, 5);
    const uint8_t* rows[4] = {b.data(), b.data(), b.data(), b.data()};
    const uint32_t sum = uint32_t(5 * n), sums[4] = {sum, sum, sum, sum};
    uint32_t dots[4];
    for (auto _ : state) {
        set.dot_u8_x4(a.data(), rows, sums, n, dots);
        benchmark::DoNotOptimize(dots);
    }
    state.SetBytesProcessed(int64_t(state.iterations() * n * 4));
}

void encode_rows(benchmark::State& state) {
    const Shape shape{size_t(state.range(0)), Metric::cosine, true};
    const std::vector<float> vector = gaussians(1, shape.dim);
    std::vector<uint8_t> row(row_bytes(shape));
    for (auto _ : state) {
        encode(vector.data(), shape, row.data());
        benchmark::DoNotOptimize(row.data());
    }
    state.SetItemsProcessed(int64_t(state.iterations()));
}
BENCHMARK(encode_rows)->Arg(96)->Arg(384)->Arg(1536);

void walk_graph(benchmark::State& state) {
    static const Shape shape{96, Metric::l2, false};
    static const auto builder = built(gaussians(20'000, shape.dim), shape, 16, 2);
    const std::vector<uint8_t> queries = encoded(gaussians(256, shape.dim, 3), shape);
    Scratch scratch;
    size_t turn = 0;
    for (auto _ : state) {
        const Anchor anchor(&queries[turn++ % 256 * row_bytes(shape)], builder->space());
        const uint32_t start = builder->row_at.front();
        scratch.start(builder->rows());
        walk(*builder, anchor, {&start, 1}, Reach{uint32_t(state.range(0))}, scratch);
        benchmark::DoNotOptimize(scratch.pool.data());
    }
    const double visited = double(scratch.measured);
    state.counters["visited"] = benchmark::Counter(visited, benchmark::Counter::kAvgIterations);
}
BENCHMARK(walk_graph)->Arg(32)->Arg(128)->Unit(benchmark::kMicrosecond);

void read_vector(benchmark::State& state) {
    std::string text = "[";
    for (const float value : gaussians(1, 384)) text += (text.size() > 1 ? "," : "") + std::to_string(value);
    text += "]";
    for (auto _ : state) {
        JsonReader in(text.data(), text.size());
        in.expect('[');
        do {
            in.next();
            benchmark::DoNotOptimize(float32_of(in.number()));
        } while (in.take(','));
    }
    state.SetBytesProcessed(int64_t(state.iterations() * text.size()));
}
BENCHMARK(read_vector);

const bool registered = [] {
    for (const Kernels& set : available_kernels())
        for (const int64_t n : {96, 384, 1536}) {
            const std::string suffix = "/" + std::string(set.name);
            benchmark::RegisterBenchmark(("dot_one" + suffix).c_str(), dot_one, set)->Arg(n);
            benchmark::RegisterBenchmark(("dot_four" + suffix).c_str(), dot_four, set)->Arg(n);
        }
    return true;
}();

}  // namespace
}  // namespace asteroid
