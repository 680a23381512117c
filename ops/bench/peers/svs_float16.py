"""SVS without LVQ, which needs an Intel processor: the same graph over float16."""

from __future__ import annotations

import numpy as np
import svs

from ops.bench.peers.svs_lvq8 import ALPHA, DEGREE_MAX, PARTS, SvsLVQ8
from ops.bench.peers.system import BUILD_BREADTH, Vectors


class SvsFloat16(SvsLVQ8):
    """A static index with twice the bytes a vector: its figures do not stand for those of LVQ8."""

    def build(self, vectors: Vectors, threads: int) -> None:
        how = svs.VamanaBuildParameters(alpha=ALPHA, graph_max_degree=DEGREE_MAX, window_size=BUILD_BREADTH)
        halves = vectors.astype(np.float16)
        self.save_index(svs.Vamana.build(how, halves, svs.DistanceType.L2, num_threads=threads))

    def open(self) -> None:
        config, graph, data = (str(self.folder / part) for part in PARTS)
        halves = svs.VectorDataLoader(data, svs.DataType.float16, dims=self.dim)
        self._index = svs.Vamana(config, svs.GraphLoader(graph), halves, svs.DistanceType.L2, num_threads=1)


ADAPTER = SvsFloat16
