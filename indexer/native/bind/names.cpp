#include "bind/names.hpp"

#include <optional>
#include <string>

#include "builder/name_list.hpp"
#include "names/name_filter.hpp"
#include "names/name_table.hpp"
#include "names/names.hpp"
#include "parts/in_order.hpp"

namespace py = pybind11;

namespace asteroid {
namespace {

std::string_view name_from(PyObject* item) {
    require(item != nullptr && PyUnicode_Check(item), "an id must be a str");
    Py_ssize_t bytes = 0;
    const char* text = PyUnicode_AsUTF8AndSize(item, &bytes);
    if (text == nullptr) throw py::error_already_set();
    require(bytes > 0 && size_t(bytes) <= NAME_BYTES_MAX, "an id has from 1 to 512 bytes");
    return {text, size_t(bytes)};
}

py::tuple first_in_order_of(const Part& part, uint32_t visible, const std::optional<Array<uint8_t>>& mask,
                            const std::optional<std::string>& after, size_t wanted) {
    require(part.has_names() && visible <= part.rows(), "a part with names, and rows of it");
    require(!mask || size_t(mask->size()) >= (size_t(visible) + 7) / 8, "the mask is too short");
    const Mask bits{mask ? mask->data() : nullptr};
    std::optional<std::string_view> from;
    if (after) from = *after;
    InOrder found;
    {
        const py::gil_scoped_release release;
        if (const auto* segment = dynamic_cast<const Segment*>(&part)) {
            require(visible == segment->rows(), "all rows of a segment are visible");
            found = first_in_order(*segment, bits, from, wanted);
        } else {
            found = first_in_order(dynamic_cast<const Rows&>(part), visible, bits, from, wanted);
        }
    }
    const Array<uint32_t> ordinals(ssize_t(found.ordinals.size()), found.ordinals.data());
    return py::make_tuple(ordinals, found.looked_at);
}

Array<uint32_t> order_of(const NameList& list) {
    std::vector<uint32_t> order;
    {
        const py::gil_scoped_release release;
        order = list.order();
    }
    return Array<uint32_t>(ssize_t(order.size()), order.data());
}

// The names at some places, one after the other, and their lengths.
py::tuple text_of(const NameList& list, const Array<uint32_t>& places) {
    std::string text;
    Array<uint32_t> lengths(places.size());
    uint32_t* const out = lengths.mutable_data();
    {
        const py::gil_scoped_release release;
        for (ssize_t i = 0; i < places.size(); ++i) {
            require(places.data()[i] < list.rows(), "no such place");
            const std::string_view name = list.at(places.data()[i]);
            text += name;
            out[i] = uint32_t(name.size());
        }
    }
    return py::make_tuple(py::bytes(text), lengths);
}

py::bytes filter_of(const NameList& list) {
    std::string filter(filter_bytes(list.rows()), '\0');
    {
        const py::gil_scoped_release release;
        auto* const bytes = reinterpret_cast<uint8_t*>(filter.data());
        for (uint32_t i = 0; i < list.rows(); ++i)
            add_to_filter(bytes, filter.size(), name_hash(list.at(i)));
    }
    return py::bytes(filter);
}

}  // namespace

std::vector<std::string_view> names_from(const py::array& names) {
    require(names.dtype().kind() == 'O' && names.ndim() == 1, "ids must be an array of str");
    std::vector<std::string_view> views;
    views.reserve(size_t(names.size()));
    for (ssize_t i = 0; i < names.size(); ++i)
        views.push_back(name_from(*reinterpret_cast<PyObject* const*>(names.data(i))));
    return views;
}

NameArray::NameArray(const std::vector<size_t>& shape) : array_(py::dtype("O"), shape) {
    items_ = static_cast<PyObject**>(array_.mutable_data());
    for (ssize_t i = 0; i < array_.size(); ++i) {
        Py_XDECREF(items_[i]);
        Py_INCREF(Py_None);
        items_[i] = Py_None;
    }
}

void NameArray::set(size_t place, std::string_view name) {
    PyObject* const text = PyUnicode_DecodeUTF8(name.data(), Py_ssize_t(name.size()), nullptr);
    if (text == nullptr) {
        PyErr_Clear();
        throw DamagedSegment("the table of ids is not as it was");
    }
    Py_DECREF(items_[place]);
    items_[place] = text;
}

void bind_names(py::module_& m) {
    m.attr("NAME_BYTES_MAX") = NAME_BYTES_MAX;
    m.def("filter_bytes", &filter_bytes, py::arg("names"));
    m.def("first_in_order", &first_in_order_of, py::arg("part"), py::arg("visible"), py::arg("mask"),
          py::arg("after"), py::arg("wanted"));
    py::class_<NameCheck>(m, "NameCheck")
        .def(py::init([](const Array<uint64_t>& ends) {
                 return std::make_unique<NameCheck>(ends.data(), size_t(ends.size()));
             }),
             py::arg("ends"), py::keep_alive<1, 2>())
        .def("feed",
             [](NameCheck& check, const py::bytes& piece) {
                 const std::string_view bytes = piece;
                 const py::gil_scoped_release release;
                 return check.feed(bytes);
             },
             py::arg("piece"))
        .def_property_readonly("is_whole", &NameCheck::is_whole);
    py::class_<NameList, Holder<NameList>>(m, "NameList")
        .def(py::init([](size_t text_bytes, const std::string& folder) {
                 const py::gil_scoped_release release;
                 return Holder<NameList>(new NameList(text_bytes, folder));
             }),
             py::arg("text_bytes") = 0, py::arg("folder") = "")
        .def_property_readonly("rows", &NameList::rows)
        .def("take",
             [](NameList& list, const Part& part, const Array<uint32_t>& ordinals) {
                 require(part.has_names(), "a part with names");
                 const py::gil_scoped_release release;
                 for (ssize_t i = 0; i < ordinals.size(); ++i)
                     require(ordinals.data()[i] < part.rows(), "no such row");
                 list.take(part, ordinals.data(), size_t(ordinals.size()));
             },
             py::arg("part"), py::arg("ordinals"), py::keep_alive<1, 2>())
        .def("append",
             [](NameList& list, const py::array& names) {
                 const auto views = names_from(names);
                 list.append(views.data(), views.size());
             },
             py::arg("names"))
        .def("order", &order_of)
        .def("text", &text_of, py::arg("places"))
        .def("filter", &filter_of);
}

}  // namespace asteroid
