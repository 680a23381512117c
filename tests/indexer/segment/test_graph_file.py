"""Graphs in files: the walk finds what a scan finds, with and without a mask, whatever the data is like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asteroid_cloud.indexer import EngineOptions, Hits, IndexSpec, PartPlan, PartView, search_parts
from asteroid_cloud.indexer.build.builder import Abandoned, SegmentBuilder, Source
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.segment.container import PAGE, read_footer
from asteroid_cloud.indexer.segment.graph_file import MAGIC, VERSION, SegmentFooter
from asteroid_cloud.indexer.segment.paths import graph_path
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import budget_of, vectors

FILES = LocalFiles()
IDENTITY = bytes(range(16))
ROWS, DIM, K = 4000, 16, 10

Vectors = NDArray[np.float32]


def block_of(drawn: Vectors, spec: IndexSpec, first_id: int = 0) -> Memtable:
    block = Memtable(spec, 0, len(drawn))
    ids = np.arange(first_id, first_id + len(drawn), dtype=np.uint64)
    block.append(Lsn(1), ids, spec.encode(drawn), [b""] * len(drawn))
    return block


def segment_of(
    folder: Path,
    drawn: Vectors,
    metric: str = "l2",
    threads: int = 1,
    *,
    bits: int = 16,
    at_once: bool = False,
) -> Segment:
    """A segment as sealing a block makes it, or ``at_once`` as a merge does."""
    spec = IndexSpec(drawn.shape[1], metric, bits)
    options = EngineOptions(ef_construction=100, build_threads=threads)
    source = Source(block_of(drawn, spec), np.arange(len(drawn), dtype=np.uint32))
    builder = SegmentBuilder(FILES, str(folder), IDENTITY, options, budget_of(options))
    if at_once:
        builder.merge(1, spec, [source], lambda: True)
    else:
        builder.seal(1, spec, [source], lambda: True)
    return Segment(FILES, str(folder), IDENTITY, 1, spec, Lsn(1))


@pytest.fixture(scope="module")
def uniform(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    """Random unit vectors."""
    return segment_of(tmp_path_factory.mktemp("uniform"), vectors(ROWS, DIM))


def view_of(segment: Segment) -> PartView:
    return PartView(segment, segment.rows, segment.rows, None)


def ask(
    segment: Segment,
    queries: Vectors,
    keep: NDArray[np.bool_] | None = None,
    *,
    k: int = K,
    ef: int = 100,
    exact: bool = False,
) -> Hits:
    """A search by walk (or by scan, if ``exact``) over the rows in ``keep``, a flag for each id."""
    mask, matches = None, segment.rows
    if keep is not None:
        flags = keep[segment.native.first_ids(segment.rows).astype(np.int64)]
        mask, matches = np.packbits(flags, bitorder="little"), int(flags.sum())
    plan = PartPlan(view_of(segment), mask, matches, False)
    return search_parts([plan], queries, k, ef, exact=exact, threads=2)


def recall(found: Hits, truth: Hits) -> float:
    assert found.found.tolist() == truth.found.tolist()
    common = [len(set(a) & set(b)) for a, b in zip(found.ids.tolist(), truth.ids.tolist(), strict=True)]
    return sum(common) / truth.ids.size


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("at_once", [False, True])
def test_the_walk_finds_what_a_scan_finds(
    tmp_path: Path, metric: str, threads: int, bits: int, at_once: bool
) -> None:
    scale = np.random.default_rng(1).uniform(0.7, 1.3, (ROWS, 1)).astype(np.float32)
    segment = segment_of(tmp_path, vectors(ROWS, DIM) * scale, metric, threads, bits=bits, at_once=at_once)
    queries = vectors(100, DIM, 9)
    found, truth = ask(segment, queries), ask(segment, queries, exact=True)
    assert recall(found, truth) > 0.95
    assert not found.rescanned.any(), "it walked rather than scanned"
    assert np.median(found.visited) < ROWS / 2
    assert np.all(np.diff(found.distances, axis=1) >= 0)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001])
def test_with_a_mask_it_is_complete_and_right(uniform: Segment, share: float) -> None:
    keep = np.random.default_rng(2).random(ROWS) < share
    queries = vectors(50, DIM, 9)
    found, truth = ask(uniform, queries, keep), ask(uniform, queries, keep, exact=True)
    assert found.found.tolist() == [min(K, int(keep.sum()))] * 50
    assert recall(found, truth) >= 0.95
    assert keep[found.ids[:, : found.found[0]].astype(np.int64)].all()


@pytest.mark.parametrize("k", [1, 100, ROWS, ROWS + 5])
def test_k_of_any_size_is_answered_in_full(uniform: Segment, k: int) -> None:
    found = ask(uniform, vectors(3, DIM, 9), k=k, ef=k)
    assert found.found.tolist() == [min(k, ROWS)] * 3
    assert all(len(set(ids)) == len(ids) for ids in found.ids.tolist())


def test_a_mask_of_the_rows_farthest_from_the_query(uniform: Segment) -> None:
    """The walk is drawn to where nothing matches; it must not come back with less than there is."""
    query = vectors(1, DIM, 9)
    everyone = ask(uniform, query, k=ROWS, ef=ROWS, exact=True).ids[0].astype(np.int64)
    keep = np.zeros(ROWS, np.bool_)
    keep[everyone[-30:]] = True
    found = ask(uniform, query, keep)
    assert found.ids[0].tolist() == everyone[-30:-20].tolist()


def test_a_mask_that_leaves_out_what_is_near_the_query(uniform: Segment) -> None:
    """Most rows match, none of the nearest does: the walk looks behind these, and no scan has to follow."""
    query = vectors(1, DIM, 9)
    everyone = ask(uniform, query, k=ROWS, ef=ROWS, exact=True).ids[0].astype(np.int64)
    keep = np.ones(ROWS, np.bool_)
    keep[everyone[: ROWS // 20]] = False
    found, truth = ask(uniform, query, keep), ask(uniform, query, keep, exact=True)
    assert not found.rescanned.any()
    assert recall(found, truth) >= 0.9


@pytest.mark.parametrize("kind", ["equal", "zero", "two clusters", "duplicates"])
@pytest.mark.parametrize("at_once", [False, True])
def test_data_that_graphs_dislike(tmp_path: Path, kind: str, at_once: bool) -> None:
    drawn = vectors(1000, DIM)
    match kind:
        case "equal":
            drawn[:] = drawn[0]
        case "zero":
            drawn[:] = 0
        case "two clusters":
            drawn[:500] = 3 + 0.1 * drawn[:500]
        case "duplicates":
            drawn = np.repeat(drawn[:100], 10, axis=0)
    segment = segment_of(tmp_path, drawn, at_once=at_once)
    found = ask(segment, drawn[[0, 600]], k=20)
    truth = ask(segment, drawn[[0, 600]], k=20, exact=True)
    assert found.found.tolist() == [20, 20]
    assert np.allclose(found.distances, truth.distances, atol=1e-3)


def test_a_row_alone(tmp_path: Path) -> None:
    segment = segment_of(tmp_path, vectors(1, 3))
    assert ask(segment, vectors(2, 3, 5)).ids.tolist() == [[0], [0]]


def test_a_mask_in_another_layout_is_read_as_what_it_says(uniform: Segment) -> None:
    keep = np.zeros(ROWS, np.uint8)
    keep[[5, 77, 3999]] = 1
    bits = np.repeat(np.packbits(keep, bitorder="little"), 3)[::3]
    assert not bits.flags.c_contiguous
    wanted = sorted(uniform.native.ids(np.array([5, 77, 3999], np.uint32)).tolist())
    for _ in range(20):
        plans = [PartPlan(view_of(uniform), bits, 3, scan) for scan in (True, False)]
        found = search_parts(plans, vectors(1, DIM, 9), 6, 10)
        assert sorted(set(found.ids[0].tolist())) == wanted


def test_a_walk_that_costs_more_than_a_scan_is_given_up_and_told(uniform: Segment) -> None:
    few = np.packbits(np.isin(np.arange(ROWS), [5, 77, 3999]), bitorder="little")
    for mask, matches, scan, rescanned in ((few, 3, False, 1), (few, 3, True, 0), (None, ROWS, False, 0)):
        plan = PartPlan(view_of(uniform), mask, matches, scan)
        found = search_parts([plan], vectors(1, DIM, 9), 3, 10)
        assert (found.rescanned[0], found.found[0]) == (rescanned, 3)


def test_the_nodes_begin_at_a_page_and_levels_grow_smaller(uniform: Segment, tmp_path: Path) -> None:
    segment_of(tmp_path, vectors(ROWS, DIM))
    footer = read_footer(FILES, graph_path(str(tmp_path), 1), MAGIC, VERSION, SegmentFooter)
    assert footer.nodes.offset == PAGE
    assert [level.count for level in footer.upper] == sorted([u.count for u in footer.upper], reverse=True)
    assert [level.count for level in footer.upper] == [125, 64]


def test_several_sources_become_one_segment_with_the_payload_of_each(tmp_path: Path) -> None:
    spec = IndexSpec(4, "l2")
    sources = []
    for number in range(3):
        block = Memtable(spec, number, 50)
        ids = np.arange(50, dtype=np.uint64) * 3 + number
        texts = [b'{"id":%d}' % id_ for id_ in ids.tolist()]
        block.append(Lsn(1), ids, spec.encode(vectors(50, 4, number)), texts)
        sources.append(Source(block, np.arange(number, 50, 2, dtype=np.uint32)))
    SegmentBuilder(FILES, str(tmp_path), IDENTITY, EngineOptions(), MemoryBudget()).merge(
        1, spec, sources, lambda: True
    )
    segment = Segment(FILES, str(tmp_path), IDENTITY, 1, spec, Lsn(1))
    every = np.arange(segment.rows, dtype=np.uint32)
    ids = segment.native.ids(every).tolist()
    assert sorted(ids) == sorted(row * 3 + n for n in range(3) for row in range(n, 50, 2))
    assert segment.payloads(every) == [b'{"id":%d}' % id_ for id_ in ids]


def test_what_is_wanted_no_longer_is_given_up_without_a_file(tmp_path: Path) -> None:
    spec = IndexSpec(4, "l2")
    source = Source(block_of(vectors(1000, 4), spec), np.arange(1000, dtype=np.uint32))
    looks = iter([True, False, False])
    builder = SegmentBuilder(FILES, str(tmp_path), IDENTITY, EngineOptions(), MemoryBudget())
    with pytest.raises(Abandoned):
        builder.seal(1, spec, [source], lambda: next(looks))
    assert builder.seal(2, spec, [Source(source.part, source.ordinals[:0])], lambda: True) is None
    assert list(tmp_path.iterdir()) == []
