"""SVS: a Vamana graph over locally adaptive 8-bit vectors."""

from __future__ import annotations

import numpy as np
import svs
from numpy.typing import NDArray

from ops.bench.peers.system import BUILD_BREADTH, System, Vectors
from ops.bench.workload import K

DEGREE_MAX = 32
ALPHA = 1.2
PADDING = 32
PARTS = ("config", "graph", "data")


class SvsLVQ8(System):
    """A static index: it is built from a file of all vectors. LVQ refuses processors other than Intel's."""

    can_insert = False

    def build(self, vectors: Vectors, threads: int) -> None:
        raw = self.folder / "raw.fvecs"
        svs.write_vecs(vectors, str(raw))
        loader = svs.VectorDataLoader(str(raw), svs.DataType.float32, dims=self.dim)
        packed = svs.LVQLoader(loader, primary=8, residual=0, padding=PADDING)
        how = svs.VamanaBuildParameters(alpha=ALPHA, graph_max_degree=DEGREE_MAX, window_size=BUILD_BREADTH)
        index = svs.Vamana.build(how, packed, svs.DistanceType.L2, num_threads=threads)
        raw.unlink()
        self.save_index(index)

    def save_index(self, index: svs.Vamana) -> None:
        """Saves each of its parts into a folder."""
        for part in PARTS:
            (self.folder / part).mkdir()
        index.save(*(str(self.folder / part) for part in PARTS))

    def open(self) -> None:
        config, graph, data = (str(self.folder / part) for part in PARTS)
        packed = svs.LVQLoader(data, padding=PADDING)
        self._index = svs.Vamana(config, svs.GraphLoader(graph), packed, svs.DistanceType.L2, num_threads=1)

    def set_breadth(self, breadth: int) -> None:
        self._index.search_window_size = breadth

    def search(self, vector: Vectors) -> NDArray[np.integer]:
        found: NDArray[np.integer] = self._index.search(vector[None], K)[0][0]
        return found


ADAPTER = SvsLVQ8
