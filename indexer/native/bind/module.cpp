// What Python sees of the native core. Arrays are checked here, once; long work releases the GIL.

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "bind/module.hpp"
#include "bind/names.hpp"
#include "parts/segment.hpp"
#include "quant/kernels.hpp"
#include "quant/sq8.hpp"
#include "search/masked_walk.hpp"
#include "search/search.hpp"

namespace py = pybind11;
using namespace asteroid;

namespace {

Array<uint8_t> encode_all(const Array<float>& vectors, Metric metric, bool fine, size_t outliers) {
    require(vectors.ndim() == 2 && vectors.shape(1) > 0, "vectors must be two-dimensional");
    const Shape shape = shape_from(size_t(vectors.shape(1)), metric, fine, outliers);
    const size_t n = size_t(vectors.shape(0)), stride = row_bytes(shape);
    Array<uint8_t> rows({n, stride});
    const float* from = vectors.data();
    uint8_t* to = rows.mutable_data();
    py::gil_scoped_release release;
    for (size_t i = 0; i < n; ++i) encode(from + i * shape.dim, shape, to + i * stride);
    return rows;
}

// Plans of the parts of a snapshot, made once for any number of searches. Keeps alive what they point at.
class PartPlans {
  public:
    // Each: (part, rows, mask or None, matches, scan).
    explicit PartPlans(const std::vector<py::tuple>& parts) : kept_(parts) {
        for (const py::tuple& fields : parts) plans_.push_back(plan_from(fields));
        for (const PartPlan& plan : plans_) {
            const Shape &one = plans_.front().part->shape(), &other = plan.part->shape();
            require(one.dim == other.dim && one.metric == other.metric && one.outliers == other.outliers,
                    "parts of one dimension, metric and layout");
            require(plan.part->has_names() == plans_.front().part->has_names(), "ids of one kind");
        }
    }

    const std::vector<PartPlan>& list() const { return plans_; }

  private:
    PartPlan plan_from(const py::tuple& fields) {
        PartPlan plan{};
        require(fields.size() == 5, "a plan has five fields");
        plan.part = fields[0].cast<const Part*>();
        require(plan.part != nullptr, "a plan needs a part");
        plan.segment = dynamic_cast<const Segment*>(plan.part);
        plan.rows = fields[1].cast<uint32_t>();
        require(plan.rows <= plan.part->vector_rows(), "no such rows");
        require(!plan.segment || plan.rows == plan.part->vector_rows(),
                "all rows of a segment are visible");
        if (!fields[2].is_none()) {
            // An array of another type or layout is searched as a copy that nobody else holds.
            masks_.push_back(fields[2].cast<Array<uint8_t>>());
            require(size_t(masks_.back().size()) >= (size_t(plan.rows) + 7) / 8, "the mask is too short");
            plan.mask.bits = masks_.back().data();
        }
        plan.matches = fields[3].cast<uint32_t>();
        plan.scan = fields[4].cast<bool>();
        return plan;
    }

    std::vector<py::tuple> kept_;
    std::vector<Array<uint8_t>> masks_;
    std::vector<PartPlan> plans_;
};

// Columns of as many hits as the longest answer has, a row an answer; the rest of a row is zero.
template <class T, class Get>
Array<T> column(const std::vector<Answer>& answers, size_t width, const Get& get) {
    Array<T> values({answers.size(), width});
    T* out = values.mutable_data();
    for (const Answer& answer : answers) {
        for (const Hit& hit : answer.hits) *out++ = get(hit);
        out = std::fill_n(out, width - answer.hits.size(), T{});
    }
    return values;
}

// The ids of hits, laid out as a column.
py::array id_column(const std::vector<PartPlan>& plans, const std::vector<Answer>& answers, size_t width) {
    if (plans.empty() || !plans.front().part->has_names())
        return column<uint64_t>(answers, width, [](const Hit& hit) { return hit.id; });
    NameArray names({answers.size(), width});
    for (size_t i = 0; i < answers.size(); ++i)
        for (size_t j = 0; j < answers[i].hits.size(); ++j) {
            const Hit& hit = answers[i].hits[j];
            names.set(i * width + j, plans[hit.part].part->name(hit.ordinal));
        }
    return names.take();
}

py::tuple search_parts(const PartPlans& parts, const Array<float>& queries, uint32_t k, uint32_t ef,
                       bool exact, uint32_t threads, bool bounds, Allowance* allowance) {
    const std::vector<PartPlan>& plans = parts.list();
    require(queries.ndim() == 2 && k > 0 && ef >= k, "queries must be two-dimensional, 0 < k ≤ ef");
    if (!plans.empty()) require_matrix(queries, plans.front().part->shape().dim, "wrong dimension");
    const size_t n = size_t(queries.shape(0));
    std::vector<Answer> answers;
    {
        const float* data = queries.data();
        py::gil_scoped_release release;
        answers = search_many(plans, data, n, {k, ef, exact, bounds, allowance}, threads);
    }
    size_t width = 0;
    for (const Answer& answer : answers) width = std::max(width, answer.hits.size());
    Array<uint32_t> found(n);
    Array<uint64_t> visited(n);
    Array<uint32_t> rescanned(n);
    Array<double> error_bounds(n);
    for (size_t i = 0; i < n; ++i) {
        found.mutable_data()[i] = uint32_t(answers[i].hits.size());
        visited.mutable_data()[i] = answers[i].visited;
        rescanned.mutable_data()[i] = answers[i].rescanned;
        error_bounds.mutable_data()[i] = answers[i].error_bound;
    }
    return py::make_tuple(id_column(plans, answers, width),
                          column<double>(answers, width, [](const Hit& hit) { return hit.distance; }),
                          column<uint32_t>(answers, width, [](const Hit& hit) { return hit.part; }),
                          column<uint32_t>(answers, width, [](const Hit& hit) { return hit.ordinal; }), found,
                          visited, rescanned, bounds ? py::object(error_bounds) : py::none());
}

bool all_finite(const Array<float>& values) {
    const float* data = values.data();
    bool finite = true;
    for (ssize_t i = 0; i < values.size(); ++i) finite &= std::isfinite(data[i]);
    return finite;
}

uint32_t dot_codes(const Array<uint8_t>& a, const Array<uint8_t>& b) {
    require(a.size() == b.size(), "lengths differ");
    uint32_t sum = 0;
    for (ssize_t i = 0; i < a.size(); ++i) sum += a.data()[i];
    return kernels().dot_u8(a.data(), sum, b.data(), size_t(a.size()));
}

py::tuple measure_codes(const Array<float>& q, const Array<uint8_t>& c,
                        const std::optional<Array<uint8_t>>& fine, float offset, float scale) {
    require(q.size() == c.size() && (!fine || fine->size() == c.size()), "lengths differ");
    const Quantised x{c.data(), fine ? fine->data() : nullptr, offset, scale};
    const size_t n = size_t(q.size());
    const DotAndNorm sums = kernels().dot_norm_f32(q.data(), x, n);
    return py::make_tuple(sums.dot, sums.squared_norm, kernels().squared_l2_f32(q.data(), x, n));
}

std::vector<uint32_t> dot_four_codes(const Array<uint8_t>& a, const Array<uint8_t>& b) {
    require(b.ndim() == 2 && b.shape(0) == 4 && b.shape(1) == a.size(), "four rows of one length");
    const size_t n = size_t(a.size());
    const uint8_t* rows[4];
    uint32_t sums[4] = {0, 0, 0, 0};
    for (size_t j = 0; j < 4; ++j) {
        rows[j] = b.data() + j * n;
        for (size_t i = 0; i < n; ++i) sums[j] += rows[j][i];
    }
    std::vector<uint32_t> dots(4);
    kernels().dot_u8_x4(a.data(), rows, sums, n, dots.data());
    return dots;
}

void bind_kernels(py::module_& m) {
    m.def("available_kernels", [] {
        std::vector<std::string> names;
        for (const Kernels& each : available_kernels()) names.emplace_back(each.name);
        return names;
    });
    m.def("kernels", [] { return std::string(kernels().name); });
    m.def("use_kernels", &use_kernels, py::arg("name"));
    m.def("dot_codes", &dot_codes, py::arg("a"), py::arg("b"));
    m.def("dot_four_codes", &dot_four_codes, py::arg("a"), py::arg("b"));
    m.def("measure_codes", &measure_codes, py::arg("query"), py::arg("codes"), py::arg("fine"),
          py::arg("offset"), py::arg("scale"));
}

}  // namespace

PYBIND11_MODULE(core, m) {
    m.doc() = "SQ8 records, the tail, the graph and its segments, and the search over them.";
    py::enum_<Metric>(m, "Metric")
        .value("l2", Metric::l2)
        .value("cosine", Metric::cosine)
        .value("ip", Metric::ip);
    bind_kernels(m);
    bind_parts(m);
    bind_names(m);
    bind_graph_builder(m);
    bind_columns(m);
    bind_payloads(m);
    bind_text(m);
    m.attr("RECORD_HEADER_BYTES") = sizeof(RecordHeader);
    m.attr("SPARSE_SHARE") = SPARSE_SHARE;
    m.attr("WALK_COST") = WALK_COST;
    m.attr("NO_COLUMN") = NO_COLUMN;
    m.def("record_bytes",
          [](size_t dim, size_t outliers) { return record_bytes(Shape{dim, Metric::l2, false, outliers}); },
          py::arg("dim"), py::arg("outliers") = 0);
    m.def("row_bytes",
          [](size_t dim, bool fine, size_t outliers) {
              return row_bytes(Shape{dim, Metric::l2, fine, outliers});
          },
          py::arg("dim"), py::arg("fine"), py::arg("outliers") = 0);
    m.def("encode", &encode_all, py::arg("vectors"), py::arg("metric"), py::arg("fine"),
          py::arg("outliers") = 0);
    m.def("all_finite", &all_finite, py::arg("values"));
    py::class_<Allowance>(m, "Allowance")
        .def(py::init<uint64_t, double>(), py::arg("steps_max"), py::arg("seconds"))
        .def("spend", &Allowance::spend, py::arg("steps"))
        .def("restart", &Allowance::restart, py::arg("seconds"))
        .def("cancel", &Allowance::cancel)
        .def_property_readonly("is_cancelled", &Allowance::is_cancelled)
        .def_property_readonly("is_late", &Allowance::is_late)
        .def_property_readonly("spent", &Allowance::spent)
        .def_property_readonly("steps_max", &Allowance::steps_max);
    py::class_<PartPlans>(m, "PartPlans")
        .def(py::init<const std::vector<py::tuple>&>(), py::arg("parts"));
    m.def("search", &search_parts, py::arg("parts"), py::arg("queries"), py::arg("k"), py::arg("ef"),
          py::arg("exact"), py::arg("threads"), py::arg("bounds") = false,
          py::arg("allowance").none(true) = py::none());
    bind_diverse(m);
}
