// Work on the texts of payloads, as Python sees it.
#include <string>
#include <string_view>
#include <vector>

#include "bind/module.hpp"
#include "json/projection.hpp"

namespace py = pybind11;

namespace asteroid {
namespace {

constexpr size_t BYTES_WITHOUT_GIL = 16 * 1024;

py::list projected(const Projection& projection, const py::list& texts) {
    std::vector<std::string_view> views;
    views.reserve(texts.size());
    size_t bytes = 0;
    for (const py::handle& text : texts) {
        views.push_back(bytes_of(text));
        bytes += views.back().size();
    }
    std::string out;
    std::vector<size_t> ends;
    ends.reserve(views.size());
    {
        const ReleaseGilIf release(bytes >= BYTES_WITHOUT_GIL);  // the caller's list keeps the texts alive
        for (const std::string_view text : views) {
            try {
                projection.apply(text, out);
            } catch (const JsonError& error) {
                throw std::invalid_argument(error.message);
            }
            ends.push_back(out.size());
        }
    }
    py::list found(ends.size());
    size_t start = 0;
    for (size_t i = 0; i < ends.size(); ++i) {
        found[i] = py::bytes(out.data() + start, ends[i] - start);
        start = ends[i];
    }
    return found;
}

}  // namespace

std::string_view bytes_of(const py::handle& text) {
    char* start = nullptr;
    ssize_t bytes = 0;
    if (PyBytes_AsStringAndSize(text.ptr(), &start, &bytes) != 0) throw py::error_already_set();
    return {start, size_t(bytes)};
}

void bind_payloads(py::module_& m) {
    py::class_<Projection>(m, "Projection")
        .def(py::init<const std::vector<std::vector<std::string>>&>(), py::arg("paths"))
        .def("apply", &projected, py::arg("texts"));
}

}  // namespace asteroid
