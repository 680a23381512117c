// The choice of hits that are unlike each other, as Python sees it.
#include <vector>

#include "bind/module.hpp"
#include "search/diverse.hpp"

namespace py = pybind11;

namespace asteroid {
namespace {

Array<uint32_t> diverse(const Array<float>& vectors, const Array<double>& scores, size_t k, double weight,
                        Metric metric, size_t cost, Allowance* allowance) {
    require(vectors.ndim() == 2 && vectors.shape(1) > 0, "vectors must be two-dimensional");
    require(scores.ndim() == 1 && scores.shape(0) == vectors.shape(0), "one score a vector");
    const Candidates candidates{vectors.data(), scores.data(), size_t(vectors.shape(0)),
                                size_t(vectors.shape(1))};
    std::vector<uint32_t> chosen;
    {
        const py::gil_scoped_release release;
        chosen = most_diverse(candidates, k, weight, metric, cost, allowance);
    }
    return Array<uint32_t>(ssize_t(chosen.size()), chosen.data());
}

}  // namespace

void bind_diverse(py::module_& m) {
    m.def("most_diverse", &diverse, py::arg("vectors"), py::arg("scores"), py::arg("k"), py::arg("weight"),
          py::arg("metric"), py::arg("cost"), py::arg("allowance").none(true) = py::none());
}

}  // namespace asteroid
