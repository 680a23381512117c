// The shredder as Python sees it.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "bind/module.hpp"
#include "columns/columns.hpp"
#include "columns/instants.hpp"

namespace py = pybind11;

namespace asteroid {
namespace {

// (names from the root, whether it is of an array's elements)
using PathNames = std::pair<std::vector<std::string>, bool>;

PathNames names_of(const Shredder& shredder, uint32_t path) {
    PathNames names{{}, shredder.paths()[path].is_element};
    for (; path != Shredder::ROOT; path = shredder.paths()[path].parent)
        if (!shredder.paths()[path].is_element) names.first.push_back(shredder.paths()[path].name);
    std::reverse(names.first.begin(), names.first.end());
    return names;
}

void want_only(Shredder& shredder, const std::vector<std::pair<PathNames, ColumnKind>>& columns) {
    std::vector<ColumnName> wanted;
    for (const auto& [names, kind] : columns) {
        uint32_t path = Shredder::ROOT;
        for (const std::string& name : names.first) path = shredder.path_of(path, name, false);
        if (names.second) path = shredder.path_of(path, "", true);
        wanted.push_back({path, kind});
    }
    shredder.want_only(wanted);
}

void add_all(Shredder& shredder, const py::list& texts) {
    std::vector<std::string_view> views;
    views.reserve(texts.size());
    for (const py::handle& text : texts) views.push_back(bytes_of(text));
    const py::gil_scoped_release release;  // the caller's list keeps the texts alive
    for (const std::string_view text : views) shredder.add(text.data(), text.size());
}

template <class T>
Array<T> array_of(const std::vector<T>& values) {
    return Array<T>(ssize_t(values.size()), values.data());
}

py::tuple column_of(const Shredder& shredder, const ColumnName& name, size_t exact_max) {
    Column column;
    {
        const py::gil_scoped_release release;
        column = shredder.column(name, exact_max);
    }
    return py::make_tuple(column.exact, array_of(column.numbers),
                          py::bytes(column.text.data(), column.text.size()), array_of(column.ends),
                          array_of(column.starts), array_of(column.rows), array_of(column.prints));
}

}  // namespace

void bind_columns(py::module_& m) {
    py::enum_<ColumnKind>(m, "ColumnKind")
        .value("tag", ColumnKind::tag)
        .value("number", ColumnKind::number)
        .value("string", ColumnKind::string)
        .value("length", ColumnKind::length)
        .value("instant", ColumnKind::instant)
        .value("date", ColumnKind::date);
    m.attr("KEY_BYTES") = Shredder::KEY_BYTES;
    m.attr("TAG_NULL") = double(Tag::null);
    m.attr("TAG_FALSE") = double(Tag::no);
    m.attr("TAG_TRUE") = double(Tag::yes);
    m.attr("TAG_ARRAY") = double(Tag::array);
    m.attr("TAG_OBJECT") = double(Tag::object);
    m.def("fingerprint", [](const py::bytes& text) {
        const std::string_view view = text;
        return fingerprint(view.data(), view.size());
    }, py::arg("text"));
    m.def("moment_of",
          [](const std::string& text) -> std::optional<std::tuple<double, bool, bool>> {
              Moment moment;
              if (!moment_of(text, moment)) return std::nullopt;
              return std::make_tuple(moment.second, moment.has_offset, moment.is_whole);
          },
          py::arg("text"));
    py::class_<ColumnName>(m, "ColumnName").def_readonly("kind", &ColumnName::kind);
    py::class_<Shredder>(m, "Shredder")
        .def(py::init<uint32_t, int, size_t>(), py::arg("paths_max"), py::arg("depth_max"),
             py::arg("bytes_max"))
        .def("want_only", &want_only, py::arg("columns"))
        .def("add", &add_all, py::arg("texts"))
        .def("column", &column_of, py::arg("name"), py::arg("exact_max"))
        .def("path",
             [](const Shredder& shredder, const ColumnName& name) { return names_of(shredder, name.path); },
             py::arg("name"))
        .def_property_readonly("columns", &Shredder::columns)
        .def_property_readonly("dropped", &Shredder::dropped)
        .def_property_readonly(
            "unindexed", [](const Shredder& shredder) { return array_of(shredder.unindexed()); })
        .def_property_readonly("is_complete", &Shredder::is_complete);
}

}  // namespace asteroid
