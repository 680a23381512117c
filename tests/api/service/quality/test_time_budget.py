"""The budget holds in every window, however and whenever it is spent."""

from __future__ import annotations

import numpy as np
import pytest

from asteroid_cloud.api.service.quality.time_budget import WINDOW_S, TimeBudget


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock at some moment."""
    return Clock()


def test_what_was_spent_is_free_again_a_window_later(clock: Clock) -> None:
    budget = TimeBudget(0.02, clock)
    assert budget.left_s() == budget.whole_s == pytest.approx(1.2)
    budget.spend(1.0)
    clock.now_s += 30
    budget.spend(0.1)
    assert budget.left_s() == pytest.approx(0.1)
    clock.now_s += WINDOW_S - 30
    assert budget.left_s() == pytest.approx(0.1), "the second of the first is not over yet"
    clock.now_s += 1
    assert budget.left_s() == pytest.approx(1.1)
    clock.now_s += WINDOW_S
    assert budget.left_s() == budget.whole_s


def test_what_took_too_long_is_a_debt_to_be_paid_first(clock: Clock) -> None:
    budget = TimeBudget(0.02, clock)
    budget.spend(20.0)
    for _ in range(15):
        assert budget.left_s() < 0
        clock.now_s += WINDOW_S
    clock.now_s += WINDOW_S
    assert 0 < budget.left_s() < budget.whole_s


@pytest.mark.parametrize("seed", range(5))
def test_no_window_has_more_than_the_share(clock: Clock, seed: int) -> None:
    random, budget = np.random.default_rng(seed), TimeBudget(0.02, clock)
    spent: list[tuple[float, float]] = []
    for pause, cost in zip(random.exponential(0.05, 20_000), random.exponential(0.01, 20_000), strict=True):
        clock.now_s += pause
        if cost <= budget.left_s():
            clock.now_s += cost
            budget.spend(cost)
            spent.append((clock.now_s, cost))
    times, costs = map(np.array, zip(*spent, strict=True))
    sums = np.cumsum(costs)
    before = np.searchsorted(times, times - WINDOW_S)
    within = sums - np.where(before > 0, sums[before - 1], 0)
    assert budget.whole_s * 0.9 < within.max() <= budget.whole_s + 1e-9
    assert sums[-1] >= 0.9 * 0.02 * (clock.now_s - 1_000), "it is used, too"


def test_many_small_jobs_take_little_memory(clock: Clock) -> None:
    budget = TimeBudget(0.02, clock)
    for _ in range(50_000):
        clock.now_s += 0.01
        budget.spend(1e-6)
    assert len(budget._slots) <= WINDOW_S + 2
