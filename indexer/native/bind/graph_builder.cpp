// The graph builder as Python sees it: everything that builds a segment.
#include <functional>
#include <memory>
#include <string>
#include <system_error>

#include "bind/module.hpp"
#include "build/batch.hpp"
#include "build/insertion.hpp"
#include "build/join.hpp"
#include "builder/graph_builder.hpp"
#include "finish/hierarchy.hpp"
#include "parts/layout.hpp"
#include "scratch/scratch_file.hpp"
#include "threads/parallel.hpp"

namespace py = pybind11;

namespace asteroid {
namespace {

Array<uint8_t> builder_slice(const GraphBuilder& builder, uint32_t first, uint32_t n, size_t bytes,
                             void (GraphBuilder::*write)(uint32_t, uint32_t, uint8_t*) const) {
    require(first <= builder.rows() && n <= builder.rows() - first, "no such nodes");
    require(builder.row_at.size() == builder.rows(), "the graph builder is not finished");
    Array<uint8_t> slice({size_t(n), bytes});
    uint8_t* out = slice.mutable_data();
    py::gil_scoped_release release;
    (builder.*write)(first, n, out);
    return slice;
}

Array<uint64_t> builder_ids(const GraphBuilder& builder) {
    require(builder.row_at.size() == builder.rows(), "the graph builder is not finished");
    Array<uint64_t> ids{ssize_t(builder.rows())};
    uint64_t* out = ids.mutable_data();
    const py::gil_scoped_release release;
    for (uint32_t i = 0; i < builder.rows(); ++i) out[i] = builder.id_at(i);
    return ids;
}

py::list builder_upper(const GraphBuilder& builder) {
    py::list levels;
    for (const UpperLevel& level : builder.upper)
        levels.append(py::make_tuple(
            level.count, Array<uint32_t>(ssize_t(level.links.size()), level.links.data())));
    return levels;
}

void builder_adopt(GraphBuilder& builder, const Segment& segment, const Array<uint32_t>& ordinals,
                   uint32_t threads, Progress& progress) {
    require(builder.shape().dim == segment.shape().dim && builder.shape().metric == segment.shape().metric &&
                builder.shape().has_fine == segment.shape().has_fine &&
                builder.shape().outliers == segment.shape().outliers,
            "the segment is of another shape");
    const uint32_t* const first = ordinals.data();
    const py::gil_scoped_release release;
    const std::vector<uint32_t> list(first, first + ordinals.size());
    for (size_t i = 0; i < list.size(); ++i)
        require(list[i] < segment.vector_rows() && (i == 0 || list[i] > list[i - 1]), "ordinals must ascend");
    adopt(builder, segment, list, threads, progress);
}

}  // namespace

void bind_graph_builder(py::module_& m) {
    py::register_exception<Cancelled>(m, "Cancelled");
    py::register_exception_translator([](std::exception_ptr error) {
        try {
            if (error) std::rethrow_exception(error);
        } catch (const std::system_error& failure) {
            const py::tuple arguments = py::make_tuple(failure.code().value(), failure.what());
            PyErr_SetObject(PyExc_OSError, arguments.ptr());
        }
    });
    const auto without_gil = py::call_guard<py::gil_scoped_release>();
    py::class_<Progress>(m, "Progress")
        .def(py::init([](const py::function& is_wanted) {
                 return std::make_unique<Progress>([is_wanted] {
                     const py::gil_scoped_acquire gil;
                     return is_wanted().cast<bool>();
                 });
             }),
             py::arg("is_wanted"))
        .def_property_readonly("done", &Progress::done)
        .def_property_readonly("checks", &Progress::checks);
    py::class_<GraphBuilder, Holder<GraphBuilder>>(m, "GraphBuilder")
        .def(py::init([](size_t dim, Metric metric, bool fine, uint32_t capacity, uint32_t links_max,
                         const std::string& folder, size_t outliers) {
                 const py::gil_scoped_release release;  // taking room on the disk takes its time
                 const Shape shape = shape_from(dim, metric, fine, outliers);
                 require(links_max > 0 && links_max <= LINKS_MAX_MAX, "links_max must be from 1 to 256");
                 return Holder<GraphBuilder>(new GraphBuilder(shape, capacity, links_max, folder));
             }),
             py::arg("dim"), py::arg("metric"), py::arg("fine"), py::arg("capacity"), py::arg("links_max"),
             py::arg("folder"), py::arg("outliers") = 0)
        .def_property_readonly("rows", &GraphBuilder::rows)
        .def_property_readonly("node_bytes", &GraphBuilder::node_bytes)
        .def_property_readonly("links_max", &GraphBuilder::links_max)
        .def_readonly("repaired", &GraphBuilder::repaired)
        .def("append",
             [](GraphBuilder& builder, const Array<uint64_t>& ids, const Array<uint8_t>& encoded) {
                 require_matrix(encoded, row_bytes(builder.shape()), "encoded rows have another size");
                 require(ids.size() == encoded.shape(0), "as many ids as rows");
                 const uint64_t* id = ids.data();
                 const uint8_t* rows = encoded.data();
                 const uint32_t n = uint32_t(ids.size());
                 const py::gil_scoped_release release;
                 builder.append(id, rows, n);
             },
             py::arg("ids"), py::arg("encoded"))
        .def("rename",
             [](GraphBuilder& builder, uint32_t first, const Array<uint64_t>& ids) {
                 require(first <= builder.rows() && size_t(ids.size()) == builder.rows() - first,
                         "as many ids as rows");
                 builder.rename(first, ids.data());
             },
             py::arg("first"), py::arg("ids"))
        .def("adopt", &builder_adopt, py::arg("segment"), py::arg("ordinals"), py::arg("threads"),
             py::arg("progress"))
        .def("link_by_insertion",
             [](GraphBuilder& builder, uint32_t ef, uint32_t threads, Progress& progress) {
                 link_by_insertion(builder, ef, threads, progress);
             },
             py::arg("ef_construction"), py::arg("threads"), py::arg("progress"), without_gil)
        .def("link_all",
             [](GraphBuilder& builder, uint32_t first, uint32_t threads, Progress& progress) {
                 require(first <= builder.rows(), "no such rows");
                 link_all(builder, first, threads, progress);
             },
             py::arg("first"), py::arg("threads"), py::arg("progress"), without_gil)
        .def("join", &join, py::arg("first"), py::arg("threads"), py::arg("progress"), without_gil)
        .def("finish", &finish, py::arg("threads"), py::arg("progress"), without_gil)
        .def("nodes",
             [](const GraphBuilder& builder, uint32_t first, uint32_t n) {
                 return builder_slice(builder, first, n, builder.node_bytes(), &GraphBuilder::write_nodes);
             },
             py::arg("first"), py::arg("n"))
        .def("fine",
             [](const GraphBuilder& builder, uint32_t first, uint32_t n) {
                 require(builder.shape().has_fine, "there are no residuals");
                 const size_t bytes = fine_bytes(builder.shape().dim);
                 return builder_slice(builder, first, n, bytes, &GraphBuilder::write_fine);
             },
             py::arg("first"), py::arg("n"))
        .def("ids", &builder_ids)
        .def("upper", &builder_upper);
    m.attr("LINK_STEPS") = LINK_STEPS;
    m.attr("LINKS_MAX_MAX") = LINKS_MAX_MAX;
    m.attr("ROWS_MAX") = ROWS_MAX;
    m.attr("SCRATCH_PREFIX") = SCRATCH_PREFIX;
    m.attr("SECTION_ALIGN") = SECTION_ALIGN;
    m.attr("TOP_NODES_MAX") = TOP_NODES_MAX;
    m.def("node_bytes",
          [](size_t dim, uint32_t links_max, size_t outliers) {
              return node_bytes(Shape{dim, Metric::l2, false, outliers}, links_max);
          },
          py::arg("dim"), py::arg("links_max"), py::arg("outliers") = 0);
}

}  // namespace asteroid
