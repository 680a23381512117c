"""The precision of an index: asked for, told, kept, refused; over HTTP and in a process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.api import open, open_blocking
from asteroid_cloud.wal.errors import Conflict, InvalidRequest

pytestmark = pytest.mark.anyio


def error_of(folder: Path, bits: int) -> float:
    """How far from what was stored the fetched vectors are, at most, after a restart too."""
    given = np.random.default_rng(1).normal(size=(50, 32)).astype(np.float32)
    with open_blocking(folder, 32, "cosine", bits=bits) as store:
        store.insert_batch(list(enumerate(given)))
        store.flush()
    with open_blocking(folder) as store:
        assert store.get_index().bits == bits
        got = np.array([store.get(id_).vector for id_ in range(50)])
    return float(np.abs(got - given).max())


def test_sixteen_bits_keep_a_closer_vector_than_eight(tmp_path: Path) -> None:
    coarse, fine = error_of(tmp_path / "8", 8), error_of(tmp_path / "16", 16)
    assert 0 < fine < coarse / 100


async def test_the_precision_of_an_index_stays(tmp_path: Path) -> None:
    async with open(tmp_path, 4, bits=8) as store:
        assert (await store.get_index()).bits == 8
        with pytest.raises(Conflict) as differs:
            await store.ensure_index(4, "l2", 16)
        assert differs.value.code == "index_differs"
        await store.delete_index()
        assert (await store.get_index()).bits is None
        assert (await store.create_index(4)).bits == 16


@pytest.mark.parametrize("bits", [0, 4, 32, True, "16", None, 8.5])
async def test_other_precisions_are_refused_by_name(tmp_path: Path, bits: object) -> None:
    async with open(tmp_path) as store:
        with pytest.raises(InvalidRequest, match="bits") as refused:
            await store.create_index(4, "l2", bits)  # type: ignore[arg-type]
        assert refused.value.code == "bad_bits"
        assert not (await store.get_index()).initialized
