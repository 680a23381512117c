"""The graph file of a segment: written from a finished graph, checked whole before it is mapped.

    records := node × rows, from a page border
    node    := count:u32 neighbour:u32 × 2M record          neighbours beyond count are 0
    ids     := u64 × rows, by ordinal
    by_id   := u32 × rows, ordinals in ascending order of their ids
    upper   := one (nodes, down, links) a level, level 1 first:
               nodes := u32 × n ordinals; down := u32 × n positions one level down;
               links := (count:u32 position:u32 × M) × n

Nodes lie in breadth-first order from the entry point, so a walk's neighbours share pages.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import _core
from asteroid_cloud.indexer.container import (
    PAGE,
    ContainerWriter,
    Section,
    load_section,
    read_footer,
    read_section,
)
from asteroid_cloud.indexer.spec import IndexSpec
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.files import Files
from asteroid_cloud.wal.limits import MIB

MAGIC = b"ASTRSEG1"
VERSION = 1


class UpperSections(msgspec.Struct, frozen=True, array_like=True):
    """One level above the ground."""

    nodes: Section
    down: Section
    links: Section
    count: int


class SegmentFooter(msgspec.Struct, frozen=True):
    """What a graph file holds; ``identity`` and ``number`` tell it from any other store's or segment's."""

    identity: bytes
    number: int
    spec: IndexSpec
    rows: int
    links_max: int
    entry: int
    records: Section
    ids: Section
    by_id: Section
    upper: list[UpperSections]


def node_bytes(spec: IndexSpec, links_max: int) -> int:
    """Bytes of one node on the ground level."""
    return 4 * (1 + 2 * links_max) + spec.record_bytes


def _nodes(graph: _core.GraphBuilder) -> Iterator[bytes]:
    step = max(1, MIB // graph.node_bytes)
    for first in range(0, graph.rows, step):
        yield graph.nodes(first, min(step, graph.rows - first)).tobytes()


def write_segment(
    files: Files,
    path: str,
    identity: bytes,
    number: int,
    spec: IndexSpec,
    links_max: int,
    graph: _core.GraphBuilder,
) -> None:
    """Writes and syncs a finished graph of at least one node."""
    ids = graph.ids()
    with ContainerWriter(files, path, MAGIC, VERSION) as writer:

        def array(values: NDArray[np.uint32] | NDArray[np.uint64]) -> Section:
            return writer.section([values.tobytes()])

        footer = SegmentFooter(
            identity=identity,
            number=number,
            spec=spec,
            rows=graph.rows,
            links_max=links_max,
            entry=graph.entry,
            records=writer.section(_nodes(graph), align=PAGE),
            ids=array(ids),
            by_id=array(np.argsort(ids).astype(np.uint32)),
            upper=[
                UpperSections(array(nodes), array(down), array(links), len(nodes))
                for nodes, down, links in graph.upper()
            ],
        )
        writer.finish(footer)


def open_segment(
    files: Files, path: str, identity: bytes, number: int, spec: IndexSpec
) -> tuple[_core.Segment, SegmentFooter]:
    """Checks every byte and every link of a graph file, then maps it.

    Raises CorruptionError (damaged, or another store's or segment's file) or UnsupportedVersion.
    """
    footer = read_footer(files, path, MAGIC, VERSION, SegmentFooter)
    if (footer.identity, footer.number, footer.spec) != (identity, number, spec):
        raise CorruptionError(path, 0, "the file belongs to another store or segment")
    _check_counts(path, footer)
    _check_nodes(files, path, footer)
    _check_ids(files, path, footer)
    below = footer.rows
    for level in footer.upper:
        _check_level(files, path, footer, level, below)
        below = level.count
    if not 0 <= footer.entry < below:
        raise CorruptionError(path, 0, "the entry point is not on the top level")
    layout: dict[str, object] = {
        "records": footer.records.offset,
        "ids": footer.ids.offset,
        "by_id": footer.by_id.offset,
        "rows": footer.rows,
        "links_max": footer.links_max,
        "entry": footer.entry,
        "upper": [(u.nodes.offset, u.down.offset, u.links.offset, u.count) for u in footer.upper],
    }
    return _core.Segment(files.real_path(path), spec.dim, spec.native_metric, layout), footer


def _check_counts(path: str, footer: SegmentFooter) -> None:
    rows, links_max = footer.rows, footer.links_max
    sound = 0 < rows < 2**32 - 1 and 0 < links_max <= 256
    sound = sound and footer.records.length == rows * node_bytes(footer.spec, links_max)
    sound = sound and footer.ids.length == 8 * rows and footer.by_id.length == 4 * rows
    for level in footer.upper:
        sound = sound and 0 < level.count <= rows
        sound = sound and level.nodes.length == level.down.length == 4 * level.count
        sound = sound and level.links.length == 4 * (1 + links_max) * level.count
    if not sound:
        raise CorruptionError(path, 0, "the sections' sizes do not fit the row count")


def _check_nodes(files: Files, path: str, footer: SegmentFooter) -> None:
    size = node_bytes(footer.spec, footer.links_max)
    step = max(1, MIB // size)
    first = 0
    for chunk in read_section(files, path, footer.records, step * size):
        nodes = np.frombuffer(chunk, np.uint8).reshape(-1, size)
        bad = _core.first_bad_node(nodes, 2 * footer.links_max, footer.rows)
        if bad >= 0:
            raise CorruptionError(path, footer.records.offset, f"node {first + bad} has an impossible link")
        first += len(nodes)


def _check_ids(files: Files, path: str, footer: SegmentFooter) -> None:
    ids = np.frombuffer(load_section(files, path, footer.ids), "<u8")
    by_id = np.frombuffer(load_section(files, path, footer.by_id), "<u4")
    if bool(np.any(by_id >= footer.rows)):
        raise CorruptionError(path, footer.by_id.offset, "the id order names a row that is not there")
    ordered = ids[by_id]
    if not bool(np.all(ordered[1:] > ordered[:-1])):
        raise CorruptionError(path, footer.by_id.offset, "the ids are not in order")


def _check_level(files: Files, path: str, footer: SegmentFooter, level: UpperSections, below: int) -> None:
    nodes = np.frombuffer(load_section(files, path, level.nodes), "<u4")
    down = np.frombuffer(load_section(files, path, level.down), "<u4")
    links = np.frombuffer(load_section(files, path, level.links), "<u4").reshape(level.count, -1)
    sound = bool(np.all(nodes < footer.rows)) and bool(np.all(down < below))
    sound = sound and bool(np.all(links[:, 0] <= footer.links_max))
    sound = sound and bool(np.all(links[:, 1:] < level.count))
    if not sound:
        raise CorruptionError(path, level.nodes.offset, "a level above the ground has an impossible link")
