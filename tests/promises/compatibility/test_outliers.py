"""Stores whose rows keep no outliers go on as they are; programs that know of none refuse those with some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import asteroid_cloud.api as api
from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.indexer.checkpoint import manifest as manifests
from asteroid_cloud.indexer.model import spec
from asteroid_cloud.indexer.reindex.reindex import Reindex
from asteroid_cloud.indexer.segment import graph_file
from asteroid_cloud.wal.disk import LocalFiles
from asteroid_cloud.wal.errors import UnsupportedVersion

DIM, ROWS = 12, 300


def rows(seed: int) -> NDArray[np.float32]:
    """A time beside features."""
    random = np.random.default_rng(seed)
    times = 1e6 + random.integers(0, 9, (ROWS, 1))
    return np.hstack([times, random.random((ROWS, DIM - 1))]).astype(np.float32)


def fill(path: Path, first: int) -> None:
    """Adds rows one by one and in a batch, and seals them."""
    with api.open_blocking(path, dim=DIM, metric="l2") as store:
        drawn = rows(first)
        for number, vector in enumerate(drawn[:20]):
            store.upsert(first + number, vector)
        store.insert_batch([(first + 20 + number, vector) for number, vector in enumerate(drawn[20:])])
        store.flush()


def agrees(path: Path) -> bool:
    """Whether an index built from the log again is the same."""
    report = Reindex(LocalFiles(), str(path), EngineOptions()).compare(lambda done, total: None)
    return report.agrees


def image(path: Path) -> dict[str, bytes]:
    """Every file of a store."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_an_index_without_outliers_stays_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(spec, "outliers_of", lambda dim, metric: 0)
        fill(tmp_path, 0)
    fill(tmp_path, 1000)
    with api.open_blocking(tmp_path) as store:
        assert store.stats().vectors == 2 * ROWS
        for first in (0, 1000):
            kept = store.fetch([first + 5], include=["vector"])[0].vector
            assert np.abs(kept - rows(first)[5]).max() <= 1e6 / 65_280
        [hit] = store.search(rows(1000)[7], k=1)
        assert hit.distance < 1e6 / 65_280 * DIM
    assert agrees(tmp_path)


def test_an_index_with_outliers_is_the_same_when_it_is_built_again(tmp_path: Path) -> None:
    fill(tmp_path, 0)
    fill(tmp_path, 1000)
    with api.open_blocking(tmp_path) as store:
        kept = store.fetch([1007], include=["vector"])[0].vector
        assert np.abs(kept - rows(1000)[7]).max() <= 1 / 65_280
    assert agrees(tmp_path)


@pytest.mark.parametrize("part", ["manifest", "graph"])
def test_a_program_that_knows_of_no_outliers_refuses_the_store_and_changes_nothing(
    tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 0)
    before = image(tmp_path)
    if part == "manifest":
        monkeypatch.setattr(manifests, "FEATURES_KNOWN", frozenset())
    else:
        monkeypatch.setattr(graph_file, "VERSION", 2)
    with pytest.raises(UnsupportedVersion), api.open_blocking(tmp_path):
        pass
    assert image(tmp_path) == before
