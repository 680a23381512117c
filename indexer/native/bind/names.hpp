// Names as Python has them: arrays of objects, each a str.
#pragma once

#include <string_view>
#include <vector>

#include "bind/module.hpp"

namespace asteroid {

// The names of an array of str, good as long as it is held and not changed. Throws ValueError for others.
std::vector<std::string_view> names_from(const pybind11::array& names);

// An array of `shape` whose elements are None, and how to set them.
class NameArray {
  public:
    explicit NameArray(const std::vector<size_t>& shape);
    void set(size_t place, std::string_view name);
    pybind11::array take() { return std::move(array_); }

  private:
    pybind11::array array_;
    PyObject** items_;
};

void bind_names(pybind11::module_& m);

}  // namespace asteroid
