"""Every kernel set gives the portable one's results; SQ8 keeps what it promises."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from asteroid_cloud.indexer.native import core

METRICS = [core.Metric.l2, core.Metric.cosine, core.Metric.ip]
DIMS = [1, 2, 15, 16, 17, 63, 64, 65, 127, 384, 768, 4000]


@pytest.fixture
def restore_kernels() -> Iterator[None]:
    chosen = core.kernels()
    yield
    core.use_kernels(chosen)


def test_the_portable_kernels_are_always_there() -> None:
    assert core.available_kernels()[-1] == "portable"
    assert core.kernels() == core.available_kernels()[0]


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", core.available_kernels())
@pytest.mark.usefixtures("restore_kernels")
def test_integer_dot_products_are_exact(name: str, dim: int) -> None:
    core.use_kernels(name)
    rng = np.random.default_rng(dim)
    for a, b in [
        (rng.integers(0, 256, dim, np.uint8), rng.integers(0, 256, dim, np.uint8)),
        (np.full(dim, 255, np.uint8), np.full(dim, 255, np.uint8)),
        (np.zeros(dim, np.uint8), np.full(dim, 255, np.uint8)),
        (np.full(dim, 255, np.uint8), np.full(dim, 128, np.uint8)),
    ]:
        assert core.dot_codes(a, b) == int(a.astype(np.int64) @ b.astype(np.int64))
        four = np.stack([b, a, np.zeros_like(b), np.full_like(b, 255)])
        assert core.dot_four_codes(a, four) == (four.astype(np.int64) @ a.astype(np.int64)).tolist()


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.usefixtures("restore_kernels")
def test_float_kernels_give_the_same_bits_everywhere(dim: int) -> None:
    rng = np.random.default_rng(dim)
    query = rng.normal(size=dim).astype(np.float32)
    codes, fine = rng.integers(0, 256, (2, dim), np.uint8)
    for residuals in (None, fine):
        answers = []
        for name in core.available_kernels():
            core.use_kernels(name)
            answers.append(core.measure_codes(query, codes, residuals, -0.5, 0.01))
        assert len(set(answers)) == 1
        dot, squared_norm, squared_distance = answers[0]
        wide = -0.5 + 0.01 * codes.astype(np.float64)
        if residuals is not None:
            wide += 0.01 * (fine.astype(np.float64) - 128) / 256
        assert dot == pytest.approx(float(query @ wide), rel=1e-4, abs=1e-2)
        assert squared_norm == pytest.approx(float(wide @ wide), rel=1e-4)
        assert squared_distance == pytest.approx(float(np.sum((query - wide) ** 2)), rel=1e-4)


@pytest.mark.parametrize(("fine", "steps"), [(False, 0.501), (True, 0.501 / 128)])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dim", DIMS)
def test_quantising_errs_by_half_a_step_at_most(
    dim: int, metric: core.Metric, fine: bool, steps: float
) -> None:
    vectors = np.random.default_rng(dim).normal(size=(20, dim)).astype(np.float32)
    rows = core.Rows(dim, metric, fine, 32)
    rows.append(np.arange(20, dtype=np.uint64), core.encode(vectors, metric, fine))
    back = rows.vectors(np.arange(20, dtype=np.uint32))
    step = (vectors.max(1) - vectors.min(1)) / 255
    assert np.all(np.abs(back - vectors) <= step[:, None] * steps + 1e-6)


@given(hnp.arrays(np.float32, st.integers(1, 70), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_any_finite_vector_has_a_finite_distance_to_itself(vector: np.ndarray) -> None:
    for metric in METRICS:
        rows = core.Rows(len(vector), metric, True, 1)
        rows.append(np.zeros(1, np.uint64), core.encode(vector[None], metric, True))
        for exact in (False, True):
            _, distances, _, _, found, *_ = core.search(
                core.PartPlans([(rows, 1, None, 1, True)]), vector[None], 1, 10, exact, 1
            )
            assert found.tolist() == [1]
            assert np.isfinite(distances).all()


@pytest.mark.parametrize(
    ("metric", "expected"), [("l2", [0.0, 5.0]), ("cosine", [0.0, 1.0]), ("ip", [-25.0, 0.0])]
)
def test_distances_are_those_of_the_contract(metric: str, expected: list[float]) -> None:
    kind = getattr(core.Metric, metric)
    vectors = np.array([[3, 4], [0, 0]], np.float32)
    rows = core.Rows(2, kind, True, 2)
    rows.append(np.array([7, 9], np.uint64), core.encode(vectors, kind, True))
    ids, distances, *_ = core.search(core.PartPlans([(rows, 2, None, 2, True)]), vectors[:1], 2, 10, True, 1)
    assert ids[0].tolist() == [7, 9]
    assert distances[0] == pytest.approx(expected, abs=1e-5)
