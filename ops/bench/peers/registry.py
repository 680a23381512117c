"""The systems, by their names on the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module, metadata

from ops.bench.peers.system import System

OURS = "asteroid"


@dataclass(frozen=True, slots=True)
class Entry:
    """One system, and what is needed before its module is imported."""

    label: str
    module: str
    """The module in this package; its ADAPTER is the adapter."""
    distribution: str
    note: str
    environment: dict[str, str] = field(default_factory=dict)
    built_by: str = ""
    """Another entry whose saved store this one opens."""
    is_usual: bool = True
    """Measured by default. The others are slow and take minutes."""

    def version(self) -> str:
        """The installed version, empty for this store; raises PackageNotFoundError."""
        return metadata.version(self.distribution) if self.distribution else ""


REGISTRY = {
    OURS: Entry("this store", "asteroid", "", "all options at their defaults"),
    "svs": Entry(
        "SVS Vamana LVQ8",
        "svs_lvq8",
        "scalable-vs",
        "graph_max_degree 32, window 200, alpha 1.2, 8 bits; takes no single rows: built at once",
    ),
    "svs-float16": Entry(
        "SVS Vamana float16", "svs_float16", "scalable-vs", "the same graph over float16, on any processor"
    ),
    "hnswlib": Entry("hnswlib float32", "hnswlib_float32", "hnswlib", "M 16, ef_construction 200"),
    "faiss": Entry(
        "faiss HNSW-SQ8",
        "faiss_sq8",
        "faiss-cpu",
        "M 16, efConstruction 200; trained on 10,000 rows",
    ),
    "usearch": Entry("usearch i8", "usearch_i8", "usearch", "connectivity 16, expansion_add 200, cosine"),
    "usearch-view": Entry(
        "usearch i8, mapped", "usearch_i8_view", "usearch", "the same file, mapped (view)", built_by="usearch"
    ),
    "zvec": Entry("zvec int8", "zvec_int8", "zvec", "m 16, ef_construction 200; indexed by optimize()"),
    "aster-vec": Entry(
        "aster-vec",
        "aster",
        "aster-vec",
        "m 16, m_max 32, ef_construction 200",
    ),
    "lancedb": Entry(
        "lancedb HNSW-SQ",
        "lance",
        "lancedb",
        "one partition, m 16, ef_construction 200; indexed by create_index()",
        {"LANCE_CPU_THREADS": "1", "TOKIO_WORKER_THREADS": "1", "RAYON_NUM_THREADS": "1"},
        is_usual=False,
    ),
    "chromadb": Entry(
        "chromadb",
        "chroma",
        "chromadb",
        "in the process, max_neighbors 16, ef_construction 200, num_threads 1",
        {"ANONYMIZED_TELEMETRY": "False", "TOKIO_WORKER_THREADS": "1", "RAYON_NUM_THREADS": "1"},
        is_usual=False,
    ),
}


def load(name: str) -> type[System]:
    """Imports the adapter of a name; raises ImportError when its system is not installed."""
    module = import_module(f"ops.bench.peers.{REGISTRY[name].module}")
    adapter: type[System] = module.ADAPTER
    return adapter


def chosen(names: str) -> list[str]:
    """The names of a comma-separated list, this store, and those that they need, in the registry's order.

    `usual` and `all` stand for several. Raises ValueError for an unknown name.
    """
    asked = {name for name in names.split(",") if name}
    if foreign := asked - set(REGISTRY) - {"usual", "all"}:
        raise ValueError(f"there is no system {sorted(foreign)[0]!r}; there are: {', '.join(REGISTRY)}")
    asked |= {REGISTRY[name].built_by for name in asked & set(REGISTRY)}
    return [
        name
        for name, entry in REGISTRY.items()
        if name == OURS or name in asked or "all" in asked or ("usual" in asked and entry.is_usual)
    ]
