// What the binding files share: arrays that are checked once, and what each of them adds to the module.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "quant/sq8.hpp"

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

// The shape that Python asks for, checked.
inline Shape shape_from(size_t dim, Metric metric, bool fine, size_t outliers) {
    require(dim > 0 && dim < DIM_LIMIT, "vectors have from 1 to 32,767 numbers");
    require(outliers <= OUTLIERS_MAX && outliers < dim, "too many outliers");
    require(outliers == 0 || metric == Metric::l2, "only rows under l2 have outliers");
    return {dim, metric, fine, outliers};
}

// Frees what may be large, with the GIL released: for objects that Python holds.
template <class T>
struct DeleteWithoutGil {
    void operator()(T* object) const {
        const pybind11::gil_scoped_release release;
        delete object;
    }
};
template <class T>
using Holder = std::unique_ptr<T, DeleteWithoutGil<T>>;

// Below so many rows, work is over sooner than another thread would have the GIL.
constexpr ssize_t ROWS_WITHOUT_GIL = 256;

// Releases the GIL for its scope if the work is long.
class ReleaseGilIf {
  public:
    explicit ReleaseGilIf(bool is_long) {
        if (is_long) release_.emplace();
    }

  private:
    std::optional<pybind11::gil_scoped_release> release_;
};

void bind_parts(pybind11::module_& m);
void bind_graph_builder(pybind11::module_& m);
void bind_columns(pybind11::module_& m);
void bind_diverse(pybind11::module_& m);
void bind_payloads(pybind11::module_& m);
void bind_text(pybind11::module_& m);

// What a bytes object holds, for as long as somebody keeps it alive; raises TypeError for anything else.
std::string_view bytes_of(const pybind11::handle& text);

}  // namespace asteroid
