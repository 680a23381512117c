"""Segments under construction: built at once, joined, bridged, in RAM or in a scratch file, abandoned."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asteroid_cloud.indexer import EngineOptions, IndexSpec, PartPlan, PartView, search_parts
from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.linker import JOINS_MAX, graphs_to_keep
from asteroid_cloud.indexer.build.source import Abandoned, Source
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import NoSpace
from asteroid_cloud.wal.limits import KIB
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import budget_of, vectors

FILES = LocalFiles()
IDENTITY = bytes(range(16))
DIM, K = 16, 10
SPEC = IndexSpec(DIM, "l2")
TINY = EngineOptions(memory_budget_bytes=64 * KIB)
"""1,024 rows are linked at a time, and every graph builder uses a scratch file."""

Vectors = NDArray[np.float32]


def text_of(id_: int) -> bytes:
    return b'{"id":%d}' % id_


class Workshop:
    """Builds segments in one folder."""

    def __init__(self, folder: Path, options: EngineOptions) -> None:
        self.builder = SegmentBuilder(FILES, str(folder), IDENTITY, options, budget_of(options))
        self.number = 0

    def segment(self, drawn: Vectors, first_id: int = 0) -> Segment:
        ids = np.arange(first_id, first_id + len(drawn), dtype=np.uint64)
        block = Memtable(SPEC, 0, len(drawn))
        block.append(Lsn(1), ids, SPEC.encode(drawn), [text_of(id_) for id_ in ids.tolist()])
        self.number += 1
        self.builder.seal(self.number, SPEC, [whole(block)], lambda: True)
        return self._open()

    def merged(self, *sources: Source) -> Segment:
        self.number += 1
        assert self.builder.merge(self.number, SPEC, sources, lambda: True) == self.number
        return self._open()

    def _open(self) -> Segment:
        return Segment(FILES, self.builder.folder, IDENTITY, self.number, SPEC, Lsn(1))


def whole(part: Memtable | Segment) -> Source:
    return Source(part, np.arange(part.rows, dtype=np.uint32))


def without(segment: Segment, dead: NDArray[np.bool_]) -> Source:
    """The rows whose id is not flagged."""
    ids = segment.native.first_ids(segment.rows).astype(np.int64)
    return Source(segment, np.flatnonzero(~dead[ids]).astype(np.uint32))


def recall(segment: Segment, queries: Vectors, ef: int = 64) -> float:
    plan = PartPlan(PartView(segment, segment.rows, segment.rows, None), None, segment.rows, False)
    found = search_parts([plan], queries, K, ef, exact=False)
    truth = search_parts([plan], queries, K, ef, exact=True)
    assert not found.rescanned.any(), "it walked rather than scanned"
    assert np.median(found.visited) < segment.rows / 2
    common = [len(set(a) & set(b)) for a, b in zip(found.ids.tolist(), truth.ids.tolist(), strict=True)]
    return sum(common) / truth.ids.size


def content_of(segment: Segment) -> dict[int, bytes]:
    every = np.arange(segment.rows, dtype=np.uint32)
    return dict(zip(segment.native.ids(every).tolist(), segment.payloads(every), strict=True))


def every_row_is_reached(segment: Segment) -> bool:
    plan = PartPlan(PartView(segment, segment.rows, segment.rows, None), None, segment.rows, False)
    found = search_parts([plan], vectors(1, DIM, 77), segment.rows, segment.rows)
    return len(set(found.ids[0].tolist())) == segment.rows


@pytest.mark.parametrize("options", [EngineOptions(), TINY], ids=["in RAM", "in chunks, in a file"])
def test_a_large_segment_is_kept_and_the_others_are_joined_to_it(
    tmp_path: Path, options: EngineOptions
) -> None:
    shop = Workshop(tmp_path, options)
    drawn = vectors(6000, DIM)
    parts = [
        shop.segment(drawn[:3500]),
        shop.segment(drawn[3500:5500], 3500),
        shop.segment(drawn[5500:], 5500),
    ]
    merged = shop.merged(*map(whole, parts))
    assert merged.joins == 1
    assert content_of(merged) == {id_: text_of(id_) for id_ in range(6000)}
    assert recall(merged, vectors(100, DIM, 9)) > 0.97
    assert every_row_is_reached(merged)
    assert (
        sorted(path.suffix for path in tmp_path.iterdir())
        == [".fields"] * 4 + [".graph"] * 4 + [".payload"] * 4
    )


def test_gaps_in_a_graph_are_bridged(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, EngineOptions())
    segment = shop.segment(vectors(5000, DIM))
    dead = np.random.default_rng(1).random(5000) < 0.18
    merged = shop.merged(without(segment, dead))
    assert merged.joins == 1
    assert set(content_of(merged)) == set(np.flatnonzero(~dead).tolist())
    assert recall(merged, vectors(100, DIM, 9)) > 0.97
    assert every_row_is_reached(merged)


def test_degrees_and_recall_do_not_decay_over_many_merges(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, EngineOptions())
    segment = shop.segment(vectors(3000, DIM))
    queries, joins = vectors(100, DIM, 9), []
    for epoch in range(8):
        ids = segment.native.first_ids(segment.rows).astype(np.int64)
        dead = np.zeros(ids.max() + 1, np.bool_)
        dead[np.random.default_rng(epoch).choice(ids, 300, replace=False)] = True
        fresh = shop.segment(vectors(300, DIM, 100 + epoch), 10_000 * (epoch + 1))
        segment = shop.merged(without(segment, dead), whole(fresh))
        joins.append(segment.joins)
        assert segment.rows == 3000
        assert recall(segment, queries) > 0.97
    assert joins == [1, 2, 3, 4, 5, 0, 1, 2], "now and then a new graph is built"


def test_which_graphs_are_kept(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, EngineOptions())
    large, small = shop.segment(vectors(300, DIM)), shop.segment(vectors(200, DIM), 300)
    fresh = Memtable(SPEC, 0, 400)
    ids = np.arange(500, 900, dtype=np.uint64)
    fresh.append(Lsn(1), ids, SPEC.encode(vectors(400, DIM)), [b""] * 400)
    every = np.zeros(500, np.bool_)
    few, many = every.copy(), every.copy()
    few[:50], many[:70] = True, True
    both = [whole(small), whole(large)]
    assert graphs_to_keep(both) == both[::-1], "the largest first"
    assert graphs_to_keep([whole(fresh), *both]) == both[::-1]
    assert graphs_to_keep([whole(fresh), whole(large)]) == [], "most rows are in no graph"
    assert graphs_to_keep([kept := without(large, few)]) == [kept]
    assert graphs_to_keep([without(large, many), whole(small)]) == [], "it lost more than a fifth"
    large.joins = JOINS_MAX
    assert graphs_to_keep(both) == [], "it has been joined to often"


def test_the_graphs_of_all_segments_are_joined_not_built_again(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, EngineOptions())
    drawn = vectors(6000, DIM)
    parts = [shop.segment(drawn[first : first + 1000], first) for first in range(0, 6000, 1000)]
    progress = core.Progress(lambda: True)
    once = shop.merged(*map(whole, parts))
    assert once.joins == 1
    assert content_of(once) == {id_: text_of(id_) for id_ in range(6000)}
    assert recall(once, vectors(100, DIM, 9)) > 0.97
    assert every_row_is_reached(once)
    graph = shop.builder.new_graph(SPEC, 2000, shop.builder.budget.building)
    for part in parts[:2]:
        graph.adopt(part.native, np.arange(1000, dtype=np.uint32), 1, progress)
    graph.finish(1, progress)
    assert sorted(graph.ids().tolist()) == list(range(2000)), "the second lies behind the first"


def test_ram_and_scratch_file_make_the_same_graph() -> None:
    encoded, ids = SPEC.encode(vectors(2500, DIM)), np.arange(2500, dtype=np.uint64)
    nodes = []
    for folder in ("", "."):
        graph = core.GraphBuilder(DIM, SPEC.native_metric, True, 2500, 16, folder)
        graph.append(ids, encoded)
        progress = core.Progress(lambda: True)
        graph.link_all(0, 2, progress)
        graph.finish(1, progress)
        assert progress.done >= core.LINK_STEPS * 2500
        nodes.append(graph.nodes(0, 2500).tobytes())
    assert nodes[0] == nodes[1]


def test_the_second_byte_finds_what_the_first_cannot_tell_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    drawn = (1 + 0.002 * rng.normal(size=(2000, DIM))).astype(np.float32)
    drawn[:, 0] = rng.integers(-1, 2, 2000)  # widens the steps of the codes
    queries = (1 + 0.002 * rng.normal(size=(50, DIM))).astype(np.float32)
    queries[:, 0] = 1
    truth = np.argsort(np.linalg.norm(queries[:, None] - drawn[None], axis=2), axis=1)[:, :K]
    right = {}
    for bits in (8, 16):
        spec = IndexSpec(DIM, "l2", bits)
        block = Memtable(spec, 0, 2000)
        block.append(Lsn(1), np.arange(2000, dtype=np.uint64), spec.encode(drawn), [b""] * 2000)
        plan = PartPlan(PartView(block, 2000, 2000, None), None, 2000, True)
        found = search_parts([plan], queries, K, 100, exact=True)
        right[bits] = sum(
            len(set(a) & set(b)) for a, b in zip(found.ids.tolist(), truth.tolist(), strict=True)
        )
    assert right[16] > 0.98 * truth.size
    assert right[16] > right[8]


def test_a_build_that_is_not_wanted_stops_and_leaves_nothing(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, EngineOptions())
    segments = [shop.segment(vectors(1500, DIM, seed), 1500 * seed) for seed in range(2)]
    files = sorted(tmp_path.iterdir())
    looks = 0

    def is_wanted() -> bool:
        nonlocal looks
        looks += 1
        return looks < 4

    with pytest.raises(Abandoned):
        shop.builder.merge(9, SPEC, [whole(segment) for segment in segments], is_wanted)
    assert sorted(tmp_path.iterdir()) == files


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 100 KB: as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100 * KIB, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
def test_a_scratch_file_without_room_is_no_space(tmp_path: Path) -> None:
    block = Memtable(SPEC, 0, 5000)
    block.append(Lsn(1), np.arange(5000, dtype=np.uint64), SPEC.encode(vectors(5000, DIM)), [b""] * 5000)
    builder = SegmentBuilder(FILES, str(tmp_path), IDENTITY, TINY, budget_of(TINY))
    with pytest.raises(NoSpace):
        builder.merge(1, SPEC, [whole(block)], lambda: True)
    assert list(tmp_path.iterdir()) == []
