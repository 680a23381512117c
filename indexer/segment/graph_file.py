"""The graph file of a segment: written from a finished graph, checked whole before it is mapped.

    nodes := node × vectors, from a page border
    node  := record count:u32 neighbour:u32 × 2M padding    neighbours beyond count are 0
    fine  := u8 × dim, padded to 4, × vectors                if the index keeps 16 bits a value
    ids   := u64 × rows, by ordinal
    by_id := u32 × rows, ordinals in ascending order of their ids
    names := where ids are strings, see ``name_sections``
    upper := one (links, count) a level, level 1 first; a level's nodes are the first ``count`` of the
             segment; links := (count:u32 neighbour:u32 × M) × count, and none on the highest level

Rows without a vector come last: they have an id, a payload and columns, but no node. ``vectors`` are the
others. The nodes of upper levels come first, the others in breadth-first order, so that a walk's neighbours
share pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.container import (
    PAGE,
    CheckWanted,
    ContainerWriter,
    Section,
    always_wanted,
    load_section,
    read_footer,
    read_section,
)
from asteroid_cloud.indexer.segment.name_sections import NameSections, check_names, write_names
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import MIB

MAGIC = b"ASTRSEG1"
VERSION = 3
"""That of files whose records keep outliers apart; others are of version 2."""
RECORDS_OF_0_1 = 1
RECORDS = 2
RECORDS_WITH_OUTLIERS = 3
"""How records are laid out; those of version 0.1 have a float where Σ code² is."""
RECORD_FLOATS = {RECORDS_OF_0_1: [0, 1, 3], RECORDS: [0, 1], RECORDS_WITH_OUTLIERS: [0, 1]}
"""Which of the header's four words are floats."""
STRING_IDS, OPTIONAL_VECTORS = 1, 2
FEATURES = STRING_IDS | OPTIONAL_VECTORS
"""The feature flags of graph files: ids are strings, and some rows may have no vector."""


class UpperSection(msgspec.Struct, frozen=True, array_like=True):
    """One level above the ground."""

    links: Section
    count: int


class SegmentFooter(msgspec.Struct, frozen=True):
    """What a graph file holds; ``identity`` and ``number`` tell it from any other store's or segment's."""

    identity: bytes
    number: int
    spec: IndexSpec
    rows: int
    links_max: int
    joins: int
    """Merges that this graph has grown by since one was last built over all of its rows."""
    nodes: Section
    fine: Section
    ids: Section
    by_id: Section
    upper: list[UpperSection]
    names: NameSections | msgspec.UnsetType = msgspec.UNSET
    """Where ids are strings; left out where they are integers."""
    bare: int | msgspec.UnsetType = msgspec.UNSET
    """Rows without a vector, the last ones, which have no node; left out when there are none."""

    @property
    def vector_rows(self) -> int:
        """The rows that have nodes."""
        return self.rows - (self.bare or 0)

    records: int = RECORDS_OF_0_1
    """The layout of the records; files of version 1 do not say it."""


def read_graph_footer(files: Files, path: str) -> SegmentFooter:
    """The footer of a graph file; raises as ``read_footer``."""
    return read_footer(files, path, MAGIC, VERSION, SegmentFooter, FEATURES)


def _features(spec: IndexSpec) -> int:
    return (STRING_IDS if spec.has_string_ids else 0) | (0 if spec.needs_vectors else OPTIONAL_VECTORS)


def _slices(
    read: Callable[[int, int], NDArray[np.uint8]], rows: int, size: int, check_wanted: CheckWanted
) -> Iterator[bytes]:
    step = max(1, MIB // size)
    for first in range(0, rows, step):
        check_wanted()
        yield read(first, min(step, rows - first)).tobytes()


def write_segment(
    files: Files,
    path: str,
    identity: bytes,
    number: int,
    spec: IndexSpec,
    joins: int,
    graph: core.GraphBuilder,
    keys: NDArray[np.uint64],
    names: core.NameList | None = None,
    check_wanted: CheckWanted = always_wanted,
) -> None:
    """Writes and syncs a finished graph, and rows without a vector; at least one row in all.

    ``keys`` are the ids of the graph's rows, by ordinal, and of the rows that follow without a vector. Where
    ids are strings, ``names`` has them, by these keys.
    """
    ids, order = keys, None if names is None else names.order()
    if order is not None:
        ranks = np.empty(len(order), np.uint64)
        ranks[order] = np.arange(len(order), dtype=np.uint64)
        ids = ranks[ids]
    records = RECORDS_WITH_OUTLIERS if spec.outliers else RECORDS
    with ContainerWriter(files, path, MAGIC, records, _features(spec)) as writer:

        def array(values: NDArray[np.uint32] | NDArray[np.uint64]) -> Section:
            return writer.section([values.tobytes()])

        fine = _slices(graph.fine, graph.rows, spec.dim, check_wanted) if spec.has_fine else ()
        footer = SegmentFooter(
            identity=identity,
            number=number,
            spec=spec,
            rows=len(keys),
            links_max=graph.links_max,
            joins=joins,
            nodes=writer.section(
                _slices(graph.nodes, graph.rows, graph.node_bytes, check_wanted), align=PAGE
            ),
            fine=writer.section(fine, align=PAGE),
            ids=array(ids),
            by_id=array(np.argsort(ids).astype(np.uint32)),
            upper=[UpperSection(array(links), count) for count, links in graph.upper()],
            names=msgspec.UNSET
            if names is None or order is None
            else write_names(writer, names, order, check_wanted),
            records=records,
            bare=(len(keys) - graph.rows) or msgspec.UNSET,
        )
        writer.finish(footer)


def open_segment(
    files: Files,
    path: str,
    identity: bytes,
    number: int,
    spec: IndexSpec,
    check_wanted: CheckWanted = always_wanted,
) -> tuple[core.Segment, SegmentFooter]:
    """Checks every byte and every link of a graph file, then maps it.

    Raises CorruptionError (damaged, or another store's or segment's file) or UnsupportedVersion.
    """
    footer = read_graph_footer(files, path)
    if (footer.identity, footer.number, footer.spec) != (identity, number, spec):
        raise CorruptionError(path, 0, "the file belongs to another store or segment")
    _check_counts(path, footer)
    _check_nodes(files, path, footer, check_wanted)
    _check_ids(files, path, footer, check_wanted)
    if footer.names:
        check_names(files, path, footer.names, footer.rows, check_wanted)
    for level in footer.upper:
        _check_level(files, path, footer, level)
    layout: dict[str, object] = {
        "nodes": footer.nodes.offset,
        "fine": footer.fine.offset,
        "ids": footer.ids.offset,
        "by_id": footer.by_id.offset,
        "rows": footer.rows,
        "vector_rows": footer.vector_rows,
        "links_max": footer.links_max,
        "is_of_0_1": footer.records == RECORDS_OF_0_1,
        "upper": [(level.links.offset, level.count) for level in footer.upper],
    }
    if footer.names:
        layout["names"] = footer.names.layout
    native = core.Segment(
        files.real_path(path), spec.dim, spec.native_metric, spec.has_fine, layout, spec.outliers
    )
    return native, footer


def unreachable_nodes(files: Files, path: str, identity: bytes, number: int, spec: IndexSpec) -> int:
    """How many nodes no walk from the top of a checked graph file gets to; takes 130 bytes a row of RAM."""
    footer = read_graph_footer(files, path)
    if (footer.identity, footer.number) != (identity, number):
        raise CorruptionError(path, 0, "the file belongs to another store or segment")
    size = core.node_bytes(spec.dim, footer.links_max, spec.outliers)
    width = 1 + 2 * footer.links_max
    links = np.empty((footer.vector_rows, width), np.uint32)
    first, step = 0, max(1, MIB // size)
    for chunk in read_section(files, path, footer.nodes, step * size):
        nodes = np.frombuffer(chunk, np.uint8).reshape(-1, size)
        lists = nodes[:, spec.record_bytes : spec.record_bytes + 4 * width]
        links[first : first + len(nodes)] = np.ascontiguousarray(lists).view("<u4")
        first += len(nodes)
    reached = np.zeros(footer.vector_rows, np.bool_)
    frontier = np.arange(footer.upper[-1].count if footer.upper else footer.vector_rows, dtype=np.uint32)
    while len(frontier):
        reached[frontier] = True
        neighbours = links[frontier]
        is_link = np.arange(width - 1) < neighbours[:, :1]
        found = np.unique(neighbours[:, 1:][is_link])
        frontier = found[~reached[found]]
    return int(footer.vector_rows - reached.sum())


def _check_counts(path: str, footer: SegmentFooter) -> None:
    rows, links_max, spec = footer.rows, footer.links_max, footer.spec
    sound = 0 < rows <= core.ROWS_MAX and 0 < links_max <= core.LINKS_MAX_MAX
    sound = sound and footer.records in RECORD_FLOATS
    sound = sound and (footer.records == RECORDS_WITH_OUTLIERS) == (spec.outliers > 0)
    vectors = footer.vector_rows
    sound = sound and 0 <= vectors <= rows and (vectors == rows or not spec.needs_vectors)
    sound = sound and footer.nodes.length == vectors * core.node_bytes(spec.dim, links_max, spec.outliers)
    sound = sound and footer.fine.length == vectors * (spec.row_bytes - spec.record_bytes)
    sound = sound and footer.ids.length == 8 * rows and footer.by_id.length == 4 * rows
    sound = sound and bool(footer.names) == spec.has_string_ids
    sound = sound and (not footer.names or footer.names.has_sizes_of(rows))
    below = vectors
    for level in footer.upper:
        is_highest = level is footer.upper[-1]
        sound = sound and 0 < level.count <= below
        sound = sound and level.links.length == (0 if is_highest else 4 * (1 + links_max) * level.count)
        below = level.count
    if not sound or below > core.TOP_NODES_MAX:
        raise CorruptionError(path, 0, "the sections' sizes do not fit the row count")


def _check_nodes(files: Files, path: str, footer: SegmentFooter, check_wanted: CheckWanted) -> None:
    spec = footer.spec
    size = core.node_bytes(spec.dim, footer.links_max, spec.outliers)
    step = max(1, MIB // size)
    first = 0
    for chunk in read_section(files, path, footer.nodes, step * size, check_wanted):
        nodes = np.frombuffer(chunk, np.uint8).reshape(-1, size)
        list_at = spec.record_bytes
        bad = core.first_bad_node(nodes, list_at, 2 * footer.links_max, footer.vector_rows)
        if bad >= 0:
            raise CorruptionError(path, footer.nodes.offset, f"node {first + bad} has an impossible link")
        floats = RECORD_FLOATS[footer.records]
        headers = np.ascontiguousarray(nodes[:, : core.RECORD_HEADER_BYTES]).view("<f4")[:, floats]
        outliers_at = core.record_bytes(spec.dim)
        outliers = nodes[:, outliers_at : outliers_at + 4 * spec.outliers]
        if not (bool(np.all(np.isfinite(headers))) and core.all_finite(outliers.copy().view("<f4"))):
            raise CorruptionError(path, footer.nodes.offset, "a record is scaled by what is no number")
        first += len(nodes)
    for _ in read_section(files, path, footer.fine, MIB, check_wanted):
        pass  # any byte will do, if it is the one that was written


def _check_ids(files: Files, path: str, footer: SegmentFooter, check_wanted: CheckWanted) -> None:
    ids = np.frombuffer(load_section(files, path, footer.ids, check_wanted), "<u8")
    by_id = np.frombuffer(load_section(files, path, footer.by_id, check_wanted), "<u4")
    if bool(np.any(by_id >= footer.rows)):
        raise CorruptionError(path, footer.by_id.offset, "the id order names a row that is not there")
    ordered = ids[by_id]
    if not bool(np.all(ordered[1:] > ordered[:-1])):
        raise CorruptionError(path, footer.by_id.offset, "the ids are not in order")
    if footer.names and int(ordered[-1]) >= footer.rows:
        raise CorruptionError(path, footer.ids.offset, "an id has an impossible rank")


def _check_level(files: Files, path: str, footer: SegmentFooter, level: UpperSection) -> None:
    content = load_section(files, path, level.links)
    if not content:  # the highest level has no links, but its place is checked
        return
    links = np.frombuffer(content, "<u4").reshape(level.count, -1)
    if bool(np.any(links[:, 0] > footer.links_max)) or bool(np.any(links[:, 1:] >= level.count)):
        raise CorruptionError(path, level.links.offset, "a level above the ground has an impossible link")
