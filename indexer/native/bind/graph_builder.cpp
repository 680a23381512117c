// Drafts as Python sees them: everything that builds a segment.
#include <functional>
#include <memory>
#include <string>
#include <system_error>

#include "build/batch.hpp"
#include "bind/module.hpp"
#include "build/graph_builder.hpp"
#include "build/hierarchy.hpp"
#include "build/insertion.hpp"
#include "build/join.hpp"

namespace py = pybind11;

namespace asteroid {
namespace {

// Giving the memory of a large draft back takes a while too.
struct DeleteWithoutGil {
    void operator()(Draft* draft) const {
        const py::gil_scoped_release release;
        delete draft;
    }
};
using DraftHolder = std::unique_ptr<Draft, DeleteWithoutGil>;

Array<uint8_t> draft_slice(const Draft& draft, uint32_t first, uint32_t n, size_t bytes,
                           void (Draft::*write)(uint32_t, uint32_t, uint8_t*) const) {
    require(first <= draft.rows() && n <= draft.rows() - first, "no such nodes");
    require(draft.row_at.size() == draft.rows(), "the draft is not finished");
    Array<uint8_t> slice({size_t(n), bytes});
    uint8_t* out = slice.mutable_data();
    py::gil_scoped_release release;
    (draft.*write)(first, n, out);
    return slice;
}

Array<uint64_t> draft_ids(const Draft& draft) {
    require(draft.row_at.size() == draft.rows(), "the draft is not finished");
    Array<uint64_t> ids{ssize_t(draft.rows())};
    for (uint32_t i = 0; i < draft.rows(); ++i) ids.mutable_data()[i] = draft.id_at(i);
    return ids;
}

py::list draft_upper(const Draft& draft) {
    py::list levels;
    for (const UpperLevel& level : draft.upper)
        levels.append(py::make_tuple(
            level.count, Array<uint32_t>(ssize_t(level.links.size()), level.links.data())));
    return levels;
}

void draft_adopt(Draft& draft, const Segment& segment, const Array<uint32_t>& ordinals, uint32_t threads,
                 Progress& progress) {
    require(draft.rows() == 0, "only an empty draft takes a graph over");
    require(draft.shape().dim == segment.shape().dim && draft.shape().metric == segment.shape().metric &&
                draft.shape().has_fine == segment.shape().has_fine,
            "the segment is of another shape");
    const std::vector<uint32_t> list(ordinals.data(), ordinals.data() + ordinals.size());
    for (size_t i = 0; i < list.size(); ++i)
        require(list[i] < segment.rows() && (i == 0 || list[i] > list[i - 1]), "ordinals must ascend");
    py::gil_scoped_release release;
    adopt(draft, segment, list, threads, progress);
}

}  // namespace

void bind_draft(py::module_& m) {
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
        .def_property_readonly("done", &Progress::done);
    py::class_<Draft, DraftHolder>(m, "Draft")
        .def(py::init([](size_t dim, Metric metric, bool fine, uint32_t capacity, uint32_t links_max,
                         const std::string& folder) {
                 const py::gil_scoped_release release;  // taking room on the disk takes its time
                 return DraftHolder(new Draft(Shape{dim, metric, fine}, capacity, links_max, folder));
             }),
             py::arg("dim"), py::arg("metric"), py::arg("fine"), py::arg("capacity"), py::arg("links_max"),
             py::arg("folder"))
        .def_property_readonly("rows", &Draft::rows)
        .def_property_readonly("node_bytes", &Draft::node_bytes)
        .def_property_readonly("links_max", &Draft::links_max)
        .def_readonly("repaired", &Draft::repaired)
        .def("append",
             [](Draft& draft, const Array<uint64_t>& ids, const Array<uint8_t>& encoded) {
                 require_matrix(encoded, row_bytes(draft.shape()), "encoded rows have another size");
                 require(ids.size() == encoded.shape(0), "as many ids as rows");
                 const uint64_t* id = ids.data();
                 const uint8_t* rows = encoded.data();
                 const uint32_t n = uint32_t(ids.size());
                 const py::gil_scoped_release release;
                 draft.append(id, rows, n);
             },
             py::arg("ids"), py::arg("encoded"))
        .def("adopt", &draft_adopt, py::arg("segment"), py::arg("ordinals"), py::arg("threads"),
             py::arg("progress"))
        .def("link_by_insertion",
             [](Draft& draft, uint32_t ef, uint32_t threads, Progress& progress) {
                 link_by_insertion(draft, ef, threads, progress);
             },
             py::arg("ef_construction"), py::arg("threads"), py::arg("progress"), without_gil)
        .def("link_all",
             [](Draft& draft, uint32_t first, uint32_t threads, Progress& progress) {
                 require(first <= draft.rows(), "no such rows");
                 link_all(draft, first, threads, progress);
             },
             py::arg("first"), py::arg("threads"), py::arg("progress"), without_gil)
        .def("join", &join, py::arg("first"), py::arg("threads"), py::arg("progress"), without_gil)
        .def("finish", &finish, py::arg("threads"), py::arg("progress"), without_gil)
        .def("nodes",
             [](const Draft& draft, uint32_t first, uint32_t n) {
                 return draft_slice(draft, first, n, draft.node_bytes(), &Draft::write_nodes);
             },
             py::arg("first"), py::arg("n"))
        .def("fine",
             [](const Draft& draft, uint32_t first, uint32_t n) {
                 require(draft.shape().has_fine, "there are no residuals");
                 return draft_slice(draft, first, n, fine_bytes(draft.shape().dim), &Draft::write_fine);
             },
             py::arg("first"), py::arg("n"))
        .def("ids", &draft_ids)
        .def("upper", &draft_upper);
    m.def("link_all_steps", &link_all_steps, py::arg("points"));
    m.def("node_bytes", &node_bytes, py::arg("dim"), py::arg("links_max"));
}

}  // namespace asteroid
