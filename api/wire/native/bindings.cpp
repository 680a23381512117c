// What Python sees of the wire reader. Arguments are checked here, once; reading runs without the GIL.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "json/reader.hpp"
#include "bodies.hpp"
#include "element_count.hpp"
#include "spans.hpp"
#include "value_reader.hpp"

namespace py = pybind11;
using namespace asteroid;

namespace {

// The bytes of any contiguous buffer, held so that they neither move nor go while they are read.
class HeldBytes {
public:
    explicit HeldBytes(const py::buffer& body) {
        if (PyObject_GetBuffer(body.ptr(), &view_, PyBUF_SIMPLE) != 0) throw py::error_already_set();
    }
    ~HeldBytes() { PyBuffer_Release(&view_); }
    HeldBytes(const HeldBytes&) = delete;
    HeldBytes& operator=(const HeldBytes&) = delete;

    std::string_view bytes() const { return {static_cast<const char*>(view_.buf), size_t(view_.len)}; }

private:
    Py_buffer view_{};
};

// An array over a vector that it then owns, without a copy.
template <class T>
py::array_t<T> owned(std::vector<T>&& values, py::array::ShapeContainer shape) {
    auto kept = std::make_unique<std::vector<T>>(std::move(values));
    T* data = kept->data();
    py::capsule owner(kept.get(), [](void* held) {
        std::default_delete<std::vector<T>>()(static_cast<std::vector<T>*>(held));
    });
    kept.release();
    return py::array_t<T>(std::move(shape), data, owner);
}

template <class T>
py::array_t<T> owned(std::vector<T>&& values) {
    const auto size = py::ssize_t(values.size());
    return owned(std::move(values), {size});
}

PayloadLimits limits_from(size_t bytes_max, unsigned depth_max) {
    if (depth_max == 0 || depth_max > JsonReader::DEPTH_LIMIT)
        throw std::invalid_argument("depth_max must be from 1 to " + std::to_string(JsonReader::DEPTH_LIMIT));
    return {bytes_max, depth_max};
}

// The names as an array of objects, each a str.
py::array names_array(const Names& names) {
    const std::vector<size_t> shape{names.size()};
    py::array array(py::dtype("O"), shape);
    auto* const items = static_cast<PyObject**>(array.mutable_data());
    for (size_t i = 0; i < names.size(); ++i) {
        Py_XDECREF(items[i]);
        items[i] = py::str(names[i].data(), names[i].size()).release().ptr();
    }
    return array;
}

py::tuple columns_of(Items&& items, size_t dim, bool has_names) {
    const auto rows = py::ssize_t(items.vectors.size() / dim);
    const py::array ids = has_names ? names_array(items.names) : py::array(owned(std::move(items.ids)));
    return py::make_tuple(
        ids, owned(std::move(items.vectors), {rows, py::ssize_t(dim)}),
        owned(std::move(items.payloads.offsets)), owned(std::move(items.payloads.lengths)),
        owned(std::move(items.conditions.if_match)), owned(std::move(items.conditions.on_existing)),
        uint8_t(items.conditions.of_all));
}

Items items_from(const py::buffer& body, size_t dim, size_t items_max, PayloadLimits limits, ItemForm form) {
    if (dim == 0 || dim > UINT16_MAX) throw std::invalid_argument("dim must be from 1 to 65535");
    const HeldBytes held(body);
    const py::gil_scoped_release release;
    return read_items(held.bytes(), dim, items_max, limits, form);
}

IdKind kind_from(bool has_names) { return has_names ? IdKind::string : IdKind::integer; }

py::tuple items_of(const py::buffer& body, size_t dim, size_t items_max, size_t payload_bytes_max,
                   unsigned depth_max, bool is_list, bool has_names) {
    const ItemForm form{.kind = kind_from(has_names), .is_list = is_list};
    const PayloadLimits limits = limits_from(payload_bytes_max, depth_max);
    return columns_of(items_from(body, dim, items_max, limits, form), dim, has_names);
}

// As read_items, and last which items have no vector.
py::tuple optional_items_of(const py::buffer& body, size_t dim, size_t items_max, size_t payload_bytes_max,
                            unsigned depth_max, bool is_list, bool has_names) {
    const ItemForm form{.kind = kind_from(has_names), .is_optional = true, .is_list = is_list};
    const PayloadLimits limits = limits_from(payload_bytes_max, depth_max);
    Items items = items_from(body, dim, items_max, limits, form);
    const auto bare = owned(std::move(items.bare));
    return columns_of(std::move(items), dim, has_names) + py::make_tuple(bare);
}

py::list fields_of(const py::buffer& body) {
    const HeldBytes held(body);
    FieldSpans fields;
    {
        py::gil_scoped_release release;
        fields = read_fields(held.bytes());
    }
    py::list found;
    for (size_t at = 0; at < fields.names.size(); ++at)
        found.append(py::make_tuple(fields.names[at], fields.values.offsets[at], fields.values.lengths[at]));
    return found;
}

py::tuple elements(const py::buffer& text, size_t most) {
    const HeldBytes held(text);
    Spans spans;
    {
        py::gil_scoped_release release;
        spans = read_elements(held.bytes(), most);
    }
    return py::make_tuple(owned(std::move(spans.offsets)), owned(std::move(spans.lengths)));
}

py::tuple objects_of(const py::buffer& body, size_t count, size_t payload_bytes_max, unsigned depth_max) {
    const PayloadLimits limits = limits_from(payload_bytes_max, depth_max);
    const HeldBytes held(body);
    Spans spans;
    {
        py::gil_scoped_release release;
        spans = read_objects(held.bytes(), count, limits);
    }
    return py::make_tuple(owned(std::move(spans.offsets)), owned(std::move(spans.lengths)));
}

py::tuple named_rows_of(const py::buffer& body, size_t count, size_t payload_bytes_max,
                        unsigned depth_max) {
    const PayloadLimits limits = limits_from(payload_bytes_max, depth_max);
    const HeldBytes held(body);
    NamedRows rows;
    {
        py::gil_scoped_release release;
        rows = read_named_rows(held.bytes(), count, limits);
    }
    return py::make_tuple(owned(std::move(rows.ids.offsets)), owned(std::move(rows.ids.lengths)),
                          owned(std::move(rows.payloads.offsets)), owned(std::move(rows.payloads.lengths)));
}

constexpr size_t BYTES_WITHOUT_GIL = 16 * 1024;

template <class Read>
auto value_of(const py::buffer& text, const Read& read) {
    const HeldBytes held(text);
    if (held.bytes().size() < BYTES_WITHOUT_GIL) return owned(read(held.bytes()));
    decltype(read(held.bytes())) values;
    {
        py::gil_scoped_release release;
        values = read(held.bytes());
    }
    return owned(std::move(values));
}

size_t elements_of(const py::buffer& body, const std::string& field, size_t most) {
    const HeldBytes held(body);
    py::gil_scoped_release release;
    return count_elements(held.bytes(), field, most);
}

PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<py::exception<ReadError>> read_error;

void translate(std::exception_ptr thrown) {
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const ReadError& error) {
        py::set_error(read_error.get_stored(), py::make_tuple(error.code, error.item, error.message));
    }
}

}  // namespace

PYBIND11_MODULE(core, m) {
    m.doc() = "Reads the JSON bodies of batches and bulk loads straight into columns, without the GIL.";
    read_error.call_once_and_store_result([&] { return py::exception<ReadError>(m, "ReadError"); });
    py::register_local_exception_translator(translate);

    m.def("read_items", items_of, py::arg("body"), py::arg("dim"), py::arg("items_max"),
          py::arg("payload_bytes_max"), py::arg("depth_max"), py::arg("is_list") = false,
          py::arg("has_names") = false);
    m.def("read_optional_items", optional_items_of, py::arg("body"), py::arg("dim"), py::arg("items_max"),
          py::arg("payload_bytes_max"), py::arg("depth_max"), py::arg("is_list") = false,
          py::arg("has_names") = false);
    m.def("read_fields", fields_of, py::arg("body"));
    m.def("read_elements", elements, py::arg("text"), py::arg("most"));
    m.def("read_named_rows", named_rows_of, py::arg("body"), py::arg("count"), py::arg("payload_bytes_max"),
          py::arg("depth_max"));
    m.def("read_objects", objects_of, py::arg("body"), py::arg("count"), py::arg("payload_bytes_max"),
          py::arg("depth_max"));
    m.def("read_vector", [](const py::buffer& text) { return value_of(text, read_vector); }, py::arg("text"));
    m.def("read_ids",
          [](const py::buffer& text, size_t most) {
              return value_of(text, [most](std::string_view bytes) { return read_ids(bytes, most); });
          },
          py::arg("text"), py::arg("most"));
    m.def("count_elements", elements_of, py::arg("body"), py::arg("field"), py::arg("most"));
}
