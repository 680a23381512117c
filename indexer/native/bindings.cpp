// What Python sees of the native core. Arrays are checked here, once; long work releases the GIL.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>

#include "graph.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "search.hpp"
#include "segment.hpp"

namespace py = pybind11;
using namespace asteroid;

namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style>;

void require(bool condition, const char* what) {
    if (!condition) throw std::invalid_argument(what);
}

template <class T>
void require_matrix(const Array<T>& array, size_t columns, const char* what) {
    require(array.ndim() == 2 && size_t(array.shape(1)) == columns, what);
}

Array<uint8_t> encode_all(const Array<float>& vectors, Metric metric) {
    require(vectors.ndim() == 2 && vectors.shape(1) > 0, "vectors must be two-dimensional");
    const size_t n = size_t(vectors.shape(0)), dim = size_t(vectors.shape(1)), stride = record_bytes(dim);
    Array<uint8_t> records({n, stride});
    const float* from = vectors.data();
    uint8_t* to = records.mutable_data();
    py::gil_scoped_release release;
    for (size_t i = 0; i < n; ++i) encode(from + i * dim, dim, metric, to + i * stride);
    return records;
}

// Runs f(ordinal) for each of `ordinals`, refusing those beyond `rows`.
template <class F>
void for_each_ordinal(const Array<uint32_t>& ordinals, uint32_t rows, const F& f) {
    const uint32_t* list = ordinals.data();
    for (ssize_t i = 0; i < ordinals.size(); ++i) {
        if (list[i] >= rows) throw std::out_of_range("no such row");
        f(i, list[i]);
    }
}

Array<uint64_t> ids_of(const Part& part, const Array<uint32_t>& ordinals) {
    Array<uint64_t> ids(ordinals.size());
    uint64_t* out = ids.mutable_data();
    for_each_ordinal(ordinals, part.rows(), [&](ssize_t i, uint32_t row) { out[i] = part.id(row); });
    return ids;
}

Array<uint64_t> first_ids(const Part& part, uint32_t rows) {
    require(rows <= part.rows(), "no such rows");
    Array<uint64_t> ids{ssize_t(rows)};
    uint64_t* out = ids.mutable_data();
    py::gil_scoped_release release;
    for (uint32_t row = 0; row < rows; ++row) out[row] = part.id(row);
    return ids;
}

Array<float> vectors_of(const Part& part, const Array<uint32_t>& ordinals) {
    Array<float> vectors({size_t(ordinals.size()), part.dim()});
    float* out = vectors.mutable_data();
    for_each_ordinal(ordinals, part.rows(), [&](ssize_t i, uint32_t row) {
        decode(part.record(row), part.dim(), out + size_t(i) * part.dim());
    });
    return vectors;
}

Array<uint8_t> records_of(const Part& part, const Array<uint32_t>& ordinals) {
    const size_t stride = record_bytes(part.dim());
    Array<uint8_t> records({size_t(ordinals.size()), stride});
    uint8_t* out = records.mutable_data();
    for_each_ordinal(ordinals, part.rows(), [&](ssize_t i, uint32_t row) {
        std::memcpy(out + size_t(i) * stride, part.record(row), stride);
    });
    return records;
}

template <class Find>
Array<int64_t> find_all(const Array<uint64_t>& ids, const Find& find) {
    Array<int64_t> rows(ids.size());
    const uint64_t* wanted = ids.data();
    int64_t* out = rows.mutable_data();
    const ssize_t n = ids.size();
    py::gil_scoped_release release;
    for (ssize_t i = 0; i < n; ++i) out[i] = find(wanted[i]);
    return rows;
}

SegmentLayout layout_from(const py::dict& fields) {
    SegmentLayout layout{};
    layout.records = fields["records"].cast<uint64_t>();
    layout.ids = fields["ids"].cast<uint64_t>();
    layout.by_id = fields["by_id"].cast<uint64_t>();
    layout.rows = fields["rows"].cast<uint32_t>();
    layout.links_max = fields["links_max"].cast<uint32_t>();
    layout.entry = fields["entry"].cast<uint32_t>();
    using Level = std::tuple<uint64_t, uint64_t, uint64_t, uint32_t>;
    for (const auto& [nodes, down, links, count] : fields["upper"].cast<std::vector<Level>>())
        layout.upper.push_back({nodes, down, links, count});
    return layout;
}

Array<uint8_t> builder_nodes(const GraphBuilder& graph, uint32_t first, uint32_t n) {
    require(first <= graph.rows() && n <= graph.rows() - first, "no such nodes");
    Array<uint8_t> nodes({size_t(n), graph.node_bytes()});
    uint8_t* out = nodes.mutable_data();
    py::gil_scoped_release release;
    graph.write_nodes(first, n, out);
    return nodes;
}

Array<uint64_t> builder_ids(const GraphBuilder& graph) {
    Array<uint64_t> ids{ssize_t(graph.rows())};
    for (uint32_t i = 0; i < graph.rows(); ++i) ids.mutable_data()[i] = graph.id(i);
    return ids;
}

py::list builder_upper(const GraphBuilder& graph) {
    py::list levels;
    const auto array = [](const std::vector<uint32_t>& values) {
        return Array<uint32_t>(ssize_t(values.size()), values.data());
    };
    for (const UpperLevel& level : graph.upper())
        levels.append(py::make_tuple(array(level.nodes), array(level.down), array(level.links)));
    return levels;
}

// (part, rows, mask or None, matches, scan) → a plan. The tuple keeps the part alive and `masks` the mask,
// for an array of another type or layout is searched as a copy that nobody else holds.
PartPlan plan_from(const py::tuple& fields, std::vector<Array<uint8_t>>& masks) {
    PartPlan plan{};
    plan.part = fields[0].cast<const Part*>();
    plan.segment = dynamic_cast<const Segment*>(plan.part);
    plan.rows = fields[1].cast<uint32_t>();
    require(plan.rows <= plan.part->rows(), "no such rows");
    if (!fields[2].is_none()) {
        masks.push_back(fields[2].cast<Array<uint8_t>>());
        require(size_t(masks.back().size()) >= (size_t(plan.rows) + 7) / 8, "the mask is too short");
        plan.mask.bits = masks.back().data();
    }
    plan.matches = fields[3].cast<uint32_t>();
    plan.scan = fields[4].cast<bool>();
    return plan;
}

py::tuple search_parts(const std::vector<py::tuple>& parts, const Array<float>& queries, uint32_t k,
                       uint32_t ef, bool exact, uint32_t threads) {
    std::vector<PartPlan> plans;
    std::vector<Array<uint8_t>> masks;
    for (const py::tuple& fields : parts) plans.push_back(plan_from(fields, masks));
    for (const PartPlan& plan : plans) require_matrix(queries, plan.part->dim(), "wrong dimension");
    require(queries.ndim() == 2 && k > 0 && ef >= k, "queries must be two-dimensional, 0 < k ≤ ef");
    const size_t n = size_t(queries.shape(0));
    std::vector<Answer> answers;
    {
        const float* data = queries.data();
        py::gil_scoped_release release;
        answers = search_many(plans, data, n, {k, ef, exact}, threads);
    }
    size_t width = 0;
    for (const Answer& answer : answers) width = std::max(width, answer.hits.size());
    Array<uint64_t> ids({n, width});
    Array<float> distances({n, width});
    Array<uint32_t> part({n, width}), ordinal({n, width});
    Array<uint32_t> found(n);
    Array<uint64_t> visited(n);
    for (size_t i = 0; i < n; ++i) {
        const std::vector<Hit>& hits = answers[i].hits;
        for (size_t j = 0; j < width; ++j) {
            const bool there = j < hits.size();
            ids.mutable_at(i, j) = there ? hits[j].id : 0;
            distances.mutable_at(i, j) = there ? hits[j].distance : 0;
            part.mutable_at(i, j) = there ? hits[j].part : 0;
            ordinal.mutable_at(i, j) = there ? hits[j].ordinal : 0;
        }
        found.mutable_at(i) = uint32_t(hits.size());
        visited.mutable_at(i) = answers[i].visited;
    }
    return py::make_tuple(ids, distances, part, ordinal, found, visited);
}

uint32_t dot_codes(const Array<uint8_t>& a, const Array<uint8_t>& b) {
    require(a.size() == b.size(), "lengths differ");
    uint32_t sum = 0;
    for (ssize_t i = 0; i < a.size(); ++i) sum += a.data()[i];
    return kernels().dot_u8(a.data(), sum, b.data(), size_t(a.size()));
}

py::tuple measure_codes(const Array<float>& q, const Array<uint8_t>& c, float offset, float scale) {
    require(q.size() == c.size(), "lengths differ");
    const size_t n = size_t(q.size());
    return py::make_tuple(kernels().dot_f32(q.data(), c.data(), n),
                          kernels().squared_l2_f32(q.data(), c.data(), offset, scale, n));
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
    m.def("measure_codes", &measure_codes, py::arg("query"), py::arg("codes"), py::arg("offset"),
          py::arg("scale"));
}

void bind_parts(py::module_& m) {
    py::class_<Part>(m, "Part")
        .def_property_readonly("dim", &Part::dim)
        .def_property_readonly("rows", &Part::rows)
        .def("ids", &ids_of, py::arg("ordinals"))
        .def("first_ids", &first_ids, py::arg("rows"))
        .def("vectors", &vectors_of, py::arg("ordinals"))
        .def("records", &records_of, py::arg("ordinals"));
    py::class_<Rows, Part>(m, "Rows")
        .def(py::init<size_t, Metric, uint32_t>(), py::arg("dim"), py::arg("metric"), py::arg("capacity"))
        .def_property_readonly("capacity", &Rows::capacity)
        .def("append",
             [](Rows& rows, const Array<uint64_t>& ids, const Array<uint8_t>& records) {
                 require_matrix(records, rows.stride(), "records have another size");
                 require(ids.size() == records.shape(0), "as many ids as records");
                 return rows.append(ids.data(), records.data(), uint32_t(ids.size()));
             },
             py::arg("ids"), py::arg("records"))
        .def("find",
             [](const Rows& rows, const Array<uint64_t>& ids, uint32_t visible) {
                 return find_all(ids, [&](uint64_t id) { return rows.find(id, visible); });
             },
             py::arg("ids"), py::arg("visible"));
    py::class_<Segment, Part>(m, "Segment")
        .def(py::init([](const std::string& path, size_t dim, Metric metric, const py::dict& layout) {
                 return std::make_unique<Segment>(path, dim, metric, layout_from(layout));
             }),
             py::arg("path"), py::arg("dim"), py::arg("metric"), py::arg("layout"))
        .def("find",
             [](const Segment& segment, const Array<uint64_t>& ids) {
                 return find_all(ids, [&](uint64_t id) { return segment.find(id); });
             },
             py::arg("ids"));
    m.def("first_bad_node",
          [](const Array<uint8_t>& nodes, uint32_t links_max, uint32_t rows) {
              require(nodes.ndim() == 2 && size_t(nodes.shape(1)) >= 4 * (1 + size_t(links_max)) &&
                          nodes.shape(1) % 4 == 0,
                      "nodes must be whole");
              const uint8_t* data = nodes.data();
              const size_t n = size_t(nodes.shape(0)), bytes = size_t(nodes.shape(1));
              py::gil_scoped_release release;
              return first_bad_node(data, n, bytes, links_max, rows);
          },
          py::arg("nodes"), py::arg("links_max"), py::arg("rows"));
}

void bind_builder(py::module_& m) {
    py::class_<GraphBuilder>(m, "GraphBuilder")
        .def(py::init<size_t, Metric, uint32_t, uint32_t, uint32_t>(), py::arg("dim"), py::arg("metric"),
             py::arg("capacity"), py::arg("links_max"), py::arg("ef_construction"))
        .def_property_readonly("rows", &GraphBuilder::rows)
        .def_property_readonly("node_bytes", &GraphBuilder::node_bytes)
        .def_property_readonly("entry", &GraphBuilder::entry)
        .def_property_readonly("repaired", &GraphBuilder::repaired)
        .def("add",
             [](GraphBuilder& graph, const Array<uint64_t>& ids, const Array<uint8_t>& records,
                uint32_t threads) {
                 require(records.ndim() == 2 && ids.size() == records.shape(0), "as many ids as records");
                 const uint64_t* id = ids.data();
                 const uint8_t* record = records.data();
                 const uint32_t n = uint32_t(ids.size());
                 require(size_t(records.shape(1)) == graph.record_size(), "records have another size");
                 py::gil_scoped_release release;
                 graph.add(id, record, n, threads);
             },
             py::arg("ids"), py::arg("records"), py::arg("threads"))
        .def("finish", &GraphBuilder::finish, py::call_guard<py::gil_scoped_release>())
        .def("nodes", &builder_nodes, py::arg("first"), py::arg("n"))
        .def("ids", &builder_ids)
        .def("upper", &builder_upper);
}

}  // namespace

PYBIND11_MODULE(_core, m) {
    m.doc() = "SQ8 records, the tail, the graph and its segments, and the search over them.";
    py::enum_<Metric>(m, "Metric")
        .value("l2", Metric::l2)
        .value("cosine", Metric::cosine)
        .value("ip", Metric::ip);
    bind_kernels(m);
    bind_parts(m);
    bind_builder(m);
    m.def("record_bytes", &record_bytes, py::arg("dim"));
    m.def("encode", &encode_all, py::arg("vectors"), py::arg("metric"));
    m.def("search", &search_parts, py::arg("parts"), py::arg("queries"), py::arg("k"), py::arg("ef"),
          py::arg("exact"), py::arg("threads"));
}
