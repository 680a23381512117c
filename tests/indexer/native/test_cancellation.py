"""Long native work asks in each of its steps whether it is still wanted.

How often is counted, not timed: rows between two questions, as each step has them, are few.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asteroid_cloud.indexer.native import core
from tests.indexer.native import test_flipped_bits as small_segment

BLOCK, LARGE_BLOCK, JOIN_BLOCK = 64, 1024, 16
"""Points after which the steps of a batch build, its splitting, and joins ask."""
EVERY, READ, COMPARED = 4096, 256, 65_536
"""Rows, rows that are read from a segment, and comparisons after which loops on one thread ask."""
ROUNDS = 6


def blocks(rows: int, size: int) -> int:
    return -(-rows // size)


def builder_of(vectors: NDArray[np.float32], metric: core.Metric = core.Metric.l2) -> core.GraphBuilder:
    builder = core.GraphBuilder(vectors.shape[1], metric, False, len(vectors), 8, "")
    builder.append(np.arange(len(vectors), dtype=np.uint64), core.encode(vectors, metric, False))
    return builder


def checks_of_linking(builder: core.GraphBuilder) -> int:
    progress = core.Progress(lambda: True)
    builder.link_all(0, 1, progress)
    return progress.checks


def test_while_copies_are_looked_for_and_linked() -> None:
    rows = 3 * EVERY
    hashing, grouping, linking, offsets, building_of_one = 3, 3, 2, 3, 6
    checks = checks_of_linking(builder_of(np.ones((rows, 2), np.float32)))
    assert checks >= hashing + grouping + linking + offsets + building_of_one


def test_while_pools_are_pruned_and_linked_both_ways() -> None:
    rows = 1000
    vectors = np.random.default_rng(1).normal(size=(rows, 3)).astype(np.float32)
    refining, pruning, linking = 1, 2, 2
    assert checks_of_linking(builder_of(vectors)) >= (refining + pruning + linking) * blocks(rows, BLOCK)


def test_while_points_are_split() -> None:
    """Vectors of one direction are equally far from all centres: a round splits once, into parts of 1,024."""
    rows = 3000
    vectors = np.arange(1, rows + 1, dtype=np.float32)[:, None]
    comparing = splitting = ROUNDS * blocks(rows, LARGE_BLOCK)
    others = 5 * blocks(rows, BLOCK)
    assert checks_of_linking(builder_of(vectors, core.Metric.cosine)) >= comparing + splitting + others


def test_while_a_graph_is_finished() -> None:
    rows = 70_000
    builder = builder_of(np.ones((rows, 1), np.float32))
    checks_of_linking(builder)
    progress = core.Progress(lambda: True)
    builder.finish(1, progress)
    searching = blocks(rows // 64, 16)
    connecting = reaching = rows // EVERY
    drawing, linking_upper_levels = 3 * rows // COMPARED, 2 * 6
    assert progress.checks >= searching + connecting + reaching + drawing + linking_upper_levels


def test_while_a_segment_is_adopted(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    segment = small_segment.opened(path, small_segment.built(path))
    rows = small_segment.ROWS
    builder = core.GraphBuilder(small_segment.DIM, core.Metric.l2, True, rows, small_segment.LINKS, "")
    progress = core.Progress(lambda: True)
    builder.adopt(segment, np.arange(rows, dtype=np.uint32), 1, progress)
    assert progress.checks >= rows // READ + blocks(rows, JOIN_BLOCK)


def test_work_that_is_not_wanted_ends() -> None:
    builder = builder_of(np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32))
    with pytest.raises(core.Cancelled):
        builder.link_all(0, 1, core.Progress(lambda: False))
