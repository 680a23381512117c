// What the binding files share: arrays that are checked once, and what each of them adds to the module.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>

namespace asteroid {

template <class T>
using Array = pybind11::array_t<T, pybind11::array::c_style>;

inline void require(bool condition, const char* what) {
    if (!condition) throw std::invalid_argument(what);
}

template <class T>
void require_matrix(const Array<T>& array, size_t columns, const char* what) {
    require(array.ndim() == 2 && size_t(array.shape(1)) == columns, what);
}

void bind_parts(pybind11::module_& m);
void bind_graph_builder(pybind11::module_& m);
void bind_columns(pybind11::module_& m);

}  // namespace asteroid
