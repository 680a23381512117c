// The shredder as Python sees it.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "bind/module.hpp"
#include "columns/columns.hpp"
#include "columns/instants.hpp"
#include "columns/text_keys.hpp"

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

// Some entries of a column, as `read` has them.
template <class T>
Array<T> piece_of(const SortedColumn& column, size_t start, size_t stop,
                  void (SortedColumn::*read)(size_t, size_t, T*) const) {
    require(start <= stop && stop <= column.size(), "a column has fewer entries");
    Array<T> found{ssize_t(stop - start)};
    T* const to = found.mutable_data();
    const py::gil_scoped_release release;
    (column.*read)(start, stop, to);
    return found;
}

void bind_sorted_column(py::module_& m) {
    py::class_<SortedColumn, Holder<SortedColumn>>(m, "SortedColumn")
        .def("step", &SortedColumn::step, py::arg("entries"), py::call_guard<py::gil_scoped_release>())
        .def("__len__", &SortedColumn::size)
        .def("rows",
             [](const SortedColumn& column, size_t start, size_t stop) {
                 return piece_of<uint32_t>(column, start, stop, &SortedColumn::rows);
             },
             py::arg("start"), py::arg("stop"))
        .def("prints",
             [](const SortedColumn& column, size_t start, size_t stop) {
                 return piece_of<uint8_t>(column, start, stop, &SortedColumn::prints);
             },
             py::arg("start"), py::arg("stop"))
        .def_property_readonly("has_prints", &SortedColumn::has_prints)
        .def_property_readonly("is_exact", [](const SortedColumn& c) { return c.groups().exact(); })
        .def_property_readonly("is_crowded", [](const SortedColumn& c) { return c.groups().crowded(); })
        .def_property_readonly("numbers", [](const SortedColumn& c) { return array_of(c.groups().numbers); })
        .def_property_readonly("text",
                               [](const SortedColumn& c) {
                                   return py::bytes(c.groups().text.data(), c.groups().text.size());
                               })
        .def_property_readonly("ends", [](const SortedColumn& c) { return array_of(c.groups().ends); })
        .def_property_readonly("starts", [](const SortedColumn& c) { return array_of(c.groups().starts); });
}

TextList text_list_of(const py::iterable& texts) {
    std::vector<std::string_view> views;
    std::vector<py::object> kept;  // some iterables make what they give
    for (const py::handle& text : texts) {
        ssize_t bytes = 0;
        const char* const start = PyUnicode_AsUTF8AndSize(text.ptr(), &bytes);
        if (!start) throw py::error_already_set();
        views.emplace_back(start, size_t(bytes));
        kept.push_back(py::reinterpret_borrow<py::object>(text));
    }
    const py::gil_scoped_release release;
    return TextList(views);
}

py::tuple places_of(const py::bytes& text, const Array<int64_t>& ends, const TextList& wanted,
                    size_t key_bytes) {
    const std::string_view bytes = text;
    const int64_t* const end = ends.data();
    const ssize_t count = ends.size();
    require(count > 0 && end[0] >= 0 && size_t(end[count - 1]) == bytes.size() &&
                std::is_sorted(end, end + count),
            "the ends of keys must fit them");
    Array<int64_t> places(ssize_t(wanted.size()));
    Array<bool> equal(ssize_t(wanted.size()));
    int64_t* const place = places.mutable_data();
    bool* const is_equal = equal.mutable_data();
    {
        const py::gil_scoped_release release;
        TextKeys(bytes.data(), end, size_t(count)).places_of(wanted, key_bytes, place, is_equal);
    }
    return py::make_tuple(places, equal);
}

Array<uint8_t> fingerprints(const TextList& texts) {
    Array<uint8_t> found(ssize_t(texts.size()));
    uint8_t* const out = found.mutable_data();
    for (size_t i = 0; i < texts.size(); ++i) out[i] = fingerprint(texts[i].data(), texts[i].size());
    return found;
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
    m.attr("LONG_KEY_BYTES") = Shredder::LONG_KEY_BYTES;
    m.attr("TAG_NULL") = double(Tag::null);
    m.attr("TAG_FALSE") = double(Tag::no);
    m.attr("TAG_TRUE") = double(Tag::yes);
    m.attr("TAG_ARRAY") = double(Tag::array);
    m.attr("TAG_OBJECT") = double(Tag::object);
    m.def("fingerprint", [](const py::bytes& text) {
        const std::string_view view = text;
        return fingerprint(view.data(), view.size());
    }, py::arg("text"));
    py::class_<TextList>(m, "TextList")
        .def(py::init(&text_list_of), py::arg("texts"))
        .def("__len__", &TextList::size)
        .def("fingerprints", &fingerprints)
        .def("places_in", [](const TextList& texts, const py::bytes& keys, const Array<int64_t>& ends,
                              size_t key_bytes) {
            return places_of(keys, ends, texts, key_bytes);
        }, py::arg("keys"), py::arg("ends"), py::arg("key_bytes"));
    m.def("moment_of",
          [](const std::string& text) -> std::optional<std::tuple<double, bool, bool>> {
              Moment moment;
              if (!moment_of(text, moment)) return std::nullopt;
              return std::make_tuple(moment.second, moment.has_offset, moment.is_whole);
          },
          py::arg("text"));
    py::class_<ColumnName>(m, "ColumnName").def_readonly("kind", &ColumnName::kind);
    bind_sorted_column(m);
    py::class_<Shredder, Holder<Shredder>>(m, "Shredder")
        .def(py::init([](uint32_t paths_max, int depth_max, size_t bytes_max, const std::string& folder,
                         size_t key_bytes) {
                 require(key_bytes > 0 && key_bytes <= Shredder::LONG_KEY_BYTES, "keys of 1 to 256 bytes");
                 return Holder<Shredder>(new Shredder(paths_max, depth_max, bytes_max, folder, key_bytes));
             }),
             py::arg("paths_max"), py::arg("depth_max"), py::arg("bytes_max"), py::arg("folder"),
             py::arg("key_bytes") = Shredder::KEY_BYTES)
        .def("want_only", &want_only, py::arg("columns"))
        .def("add", &add_all, py::arg("texts"))
        .def("settle", &Shredder::settle, py::call_guard<py::gil_scoped_release>())
        .def("take",
             [](Shredder& shredder, const ColumnName& name, size_t exact_max, size_t whole_max) {
                 return Holder<SortedColumn>(shredder.take(name, {exact_max, whole_max}).release());
             },
             py::arg("name"), py::arg("exact_max"), py::arg("whole_max"))
        .def("path",
             [](const Shredder& shredder, const ColumnName& name) { return names_of(shredder, name.path); },
             py::arg("name"))
        .def_property_readonly("columns", &Shredder::columns)
        .def_property_readonly(
            "unindexed", [](const Shredder& shredder) { return array_of(shredder.unindexed()); })
        .def_property_readonly("is_complete", &Shredder::is_complete);
}

}  // namespace asteroid
