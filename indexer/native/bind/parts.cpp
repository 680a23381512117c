// Parts as Python sees them: the tail and segments.
#include <algorithm>
#include <optional>

#include "bind/module.hpp"
#include "bind/names.hpp"
#include "parts/rows.hpp"
#include "parts/segment.hpp"
#include "quant/sq8.hpp"

namespace py = pybind11;

namespace asteroid {
namespace {

// Runs f(ordinal) for each of `ordinals`, refusing those beyond `rows`.
template <class F>
void for_each_ordinal(const Array<uint32_t>& ordinals, uint32_t rows, const F& f) {
    const uint32_t* list = ordinals.data();
    for (ssize_t i = 0; i < ordinals.size(); ++i) {
        if (list[i] >= rows) throw std::out_of_range("no such row");
        f(i, list[i]);
    }
}

py::array names_of(const Part& part, const Array<uint32_t>& ordinals) {
    NameArray names({size_t(ordinals.size())});
    for_each_ordinal(ordinals, part.rows(), [&](ssize_t i, uint32_t row) {
        names.set(size_t(i), part.name(row));
    });
    return names.take();
}

py::array ids_of(const Part& part, const Array<uint32_t>& ordinals) {
    if (part.has_names()) return names_of(part, ordinals);
    Array<uint64_t> ids(ordinals.size());
    uint64_t* out = ids.mutable_data();
    const ReleaseGilIf release(ordinals.size() >= ROWS_WITHOUT_GIL);
    for_each_ordinal(ordinals, part.rows(), [&](ssize_t i, uint32_t row) { out[i] = part.id(row); });
    return ids;
}

py::array first_ids(const Part& part, uint32_t rows) {
    require(rows <= part.rows(), "no such rows");
    if (part.has_names()) {
        NameArray names({size_t(rows)});
        for (uint32_t row = 0; row < rows; ++row) names.set(row, part.name(row));
        return names.take();
    }
    Array<uint64_t> ids{ssize_t(rows)};
    uint64_t* out = ids.mutable_data();
    py::gil_scoped_release release;
    for (uint32_t row = 0; row < rows; ++row) out[row] = part.id(row);
    return ids;
}

Array<float> vectors_of(const Part& part, const Array<uint32_t>& ordinals) {
    const size_t dim = part.shape().dim;
    Array<float> vectors({size_t(ordinals.size()), dim});
    float* out = vectors.mutable_data();
    const ReleaseGilIf release(ordinals.size() >= ROWS_WITHOUT_GIL);
    for_each_ordinal(ordinals, part.vector_rows(), [&](ssize_t i, uint32_t row) {
        decode(part.record(row), part.fine(row), part.shape(), out + size_t(i) * dim);
    });
    return vectors;
}

Array<uint8_t> encoded_of(const Part& part, const Array<uint32_t>& ordinals) {
    const size_t record_size = record_bytes(part.shape()), stride = row_bytes(part.shape());
    Array<uint8_t> rows({size_t(ordinals.size()), stride});
    uint8_t* out = rows.mutable_data();
    const py::gil_scoped_release release;  // merges read many rows, and pages that may be on the disk
    for_each_ordinal(ordinals, part.vector_rows(), [&](ssize_t i, uint32_t row) {
        uint8_t* to = out + size_t(i) * stride;
        std::memcpy(to, part.record(row), record_size);
        complete(to, part.fine(row), part.shape().dim);
        if (part.fine(row)) std::memcpy(to + record_size, part.fine(row), stride - record_size);
    });
    return rows;
}

template <class Id, class Find>
Array<int64_t> find_each(const Id* wanted, ssize_t n, const Find& find) {
    Array<int64_t> rows(n);
    int64_t* out = rows.mutable_data();
    py::gil_scoped_release release;
    for (ssize_t i = 0; i < n; ++i) out[i] = find(wanted[i]);
    return rows;
}

template <class Find>
Array<int64_t> find_all(const Part& part, const py::array& ids, const Find& find) {
    if (part.has_names()) {
        const auto names = names_from(ids);
        return find_each(names.data(), ssize_t(names.size()), find);
    }
    const Array<uint64_t> numbers(ids);
    return find_each(numbers.data(), numbers.size(), find);
}

Array<int64_t> find_ascending(const Segment& segment, const uint64_t* wanted, ssize_t n) {
    Array<int64_t> rows(n);
    int64_t* const out = rows.mutable_data();
    const py::gil_scoped_release release;
    segment.find_ascending(wanted, size_t(n), out);
    return rows;
}

SegmentLayout layout_from(const py::dict& fields) {
    SegmentLayout layout{};
    layout.nodes = fields["nodes"].cast<uint64_t>();
    layout.fine = fields["fine"].cast<uint64_t>();
    layout.ids = fields["ids"].cast<uint64_t>();
    layout.by_id = fields["by_id"].cast<uint64_t>();
    layout.rows = fields["rows"].cast<uint32_t>();
    layout.vector_rows = layout.rows;
    if (fields.contains("vector_rows")) layout.vector_rows = fields["vector_rows"].cast<uint32_t>();
    layout.links_max = fields["links_max"].cast<uint32_t>();
    layout.is_of_0_1 = fields.contains("is_of_0_1") && fields["is_of_0_1"].cast<bool>();
    for (const auto& [links, count] : fields["upper"].cast<std::vector<std::pair<uint64_t, uint32_t>>>())
        layout.upper.push_back({links, count});
    if (fields.contains("names")) {
        const auto at = fields["names"].cast<std::array<uint64_t, 5>>();
        layout.names = NameLayout{at[0], at[1], at[2], at[3], at[4]};
    }
    return layout;
}

}  // namespace

void bind_parts(py::module_& m) {
    py::register_exception<DamagedSegment>(m, "DamagedSegment");
    py::class_<Part, Holder<Part>>(m, "Part")
        .def_property_readonly("dim", [](const Part& part) { return part.shape().dim; })
        .def_property_readonly("rows", &Part::rows)
        .def_property_readonly("vector_rows", &Part::vector_rows)
        .def("ids", &ids_of, py::arg("ordinals"))
        .def("first_ids", &first_ids, py::arg("rows"))
        .def("vectors", &vectors_of, py::arg("ordinals"))
        .def("encoded", &encoded_of, py::arg("ordinals"));
    py::class_<Rows, Part, Holder<Rows>>(m, "Rows")
        .def(py::init([](size_t dim, Metric metric, bool fine, uint32_t capacity, size_t outliers,
                         bool has_names) {
                 return Holder<Rows>(new Rows(shape_from(dim, metric, fine, outliers), capacity, has_names));
             }),
             py::arg("dim"), py::arg("metric"), py::arg("fine"), py::arg("capacity"),
             py::arg("outliers") = 0, py::arg("has_names") = false)
        .def_property_readonly("name_bytes", &Rows::name_bytes)
        .def_property_readonly("capacity", &Rows::capacity)
        .def("append",
             [](Rows& rows, const py::array& ids, const Array<uint8_t>& encoded,
                const std::optional<Array<bool>>& bare) {
                 require_matrix(encoded, rows.stride(), "encoded rows have another size");
                 require(!bare || bare->size() == ids.size(), "as many flags as ids");
                 const bool* const flags = bare ? bare->data() : nullptr;
                 const auto without = bare ? std::count(flags, flags + ids.size(), true) : 0;
                 require(ids.size() == encoded.shape(0) + without, "as many rows as ids with a vector");
                 if (rows.has_names()) {
                     const auto names = names_from(ids);
                     const ReleaseGilIf release(ids.size() >= ROWS_WITHOUT_GIL);
                     return rows.append(names.data(), encoded.data(), uint32_t(names.size()), flags);
                 }
                 const Array<uint64_t> numbers(ids);
                 const ReleaseGilIf release(numbers.size() >= ROWS_WITHOUT_GIL);
                 return rows.append(numbers.data(), encoded.data(), uint32_t(numbers.size()), flags);
             },
             py::arg("ids"), py::arg("encoded"), py::arg("bare") = py::none())
        .def("find",
             [](const Rows& rows, const py::array& ids, uint32_t visible) {
                 return find_all(rows, ids, [&](const auto& id) { return rows.find(id, visible); });
             },
             py::arg("ids"), py::arg("visible"));
    py::class_<Segment, Part, Holder<Segment>>(m, "Segment")
        .def(py::init([](const std::string& path, size_t dim, Metric metric, bool fine,
                         const py::dict& layout, size_t outliers) {
                 const Shape shape = shape_from(dim, metric, fine, outliers);
                 const SegmentLayout sections = layout_from(layout);
                 const py::gil_scoped_release release;
                 return Holder<Segment>(new Segment(path, shape, sections));
             }),
             py::arg("path"), py::arg("dim"), py::arg("metric"), py::arg("fine"), py::arg("layout"),
             py::arg("outliers") = 0)
        .def_property_readonly("mapped_bytes", &Segment::mapped_bytes)
        .def_property_readonly("cached_bytes",
                               [](const Segment& segment) {
                                   const py::gil_scoped_release release;
                                   return segment.resident_bytes();
                               })
        .def("warm", &Segment::warm, py::call_guard<py::gil_scoped_release>())
        .def("release", &Segment::release, py::arg("offset"), py::arg("length"),
             py::call_guard<py::gil_scoped_release>())
        .def("find",
             [](const Segment& segment, const py::array& ids) {
                 if (!segment.has_names() && ids.size() >= ROWS_WITHOUT_GIL) {
                     const Array<uint64_t> numbers(ids);
                     const uint64_t* const wanted = numbers.data();
                     if (std::is_sorted(wanted, wanted + numbers.size()))
                         return find_ascending(segment, wanted, numbers.size());
                 }
                 return find_all(segment, ids, [&](const auto& id) { return segment.find(id); });
             },
             py::arg("ids"));
    m.def("first_bad_node",
          [](const Array<uint8_t>& nodes, size_t list_at, uint32_t links_max, uint32_t rows) {
              require(nodes.ndim() == 2 && nodes.shape(1) % 4 == 0 && list_at % 4 == 0 &&
                          size_t(nodes.shape(1)) >= list_at + 4 * (1 + size_t(links_max)),
                      "nodes must be whole");
              const uint8_t* data = nodes.data();
              const size_t n = size_t(nodes.shape(0)), bytes = size_t(nodes.shape(1));
              py::gil_scoped_release release;
              return first_bad_node(data, n, bytes, list_at, links_max, rows);
          },
          py::arg("nodes"), py::arg("list_at"), py::arg("links_max"), py::arg("rows"));
}

}  // namespace asteroid
