"""Timing one call after another: rate and latencies of a single thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import numpy as np

T = TypeVar("T")
R = TypeVar("R")

WARM_UP_CALLS = 100
CALLS_MIN = 50


class Timing(msgspec.Struct, frozen=True):
    """Calls a second of wall time, and latencies."""

    calls: int
    per_s: float
    p50_ms: float
    p99_ms: float


def timing_of(latencies_s: Sequence[float], elapsed_s: float) -> Timing:
    """The figures of calls, from the time of each and the time of all."""
    p50, p99 = np.percentile(np.asarray(latencies_s) * 1e3, [50, 99])
    return Timing(len(latencies_s), len(latencies_s) / elapsed_s, float(p50), float(p99))


def repeat(
    call: Callable[[T], R], arguments: Sequence[T], seconds: float, *, warm_up: int = WARM_UP_CALLS
) -> tuple[list[R], Timing]:
    """Calls with each argument in turn, round after round; the first round's answers, and the timing.

    It stops after ``seconds``, but first goes through all arguments once, unless that takes ten
    times as long.
    """
    for argument in arguments[:warm_up]:
        call(argument)
    answers: list[R] = []
    latencies_s: list[float] = []
    began_s = time.perf_counter()
    while True:
        for argument in arguments:
            call_began_s = time.perf_counter()
            answer = call(argument)
            ended_s = time.perf_counter()
            latencies_s.append(ended_s - call_began_s)
            if len(answers) < len(arguments):
                answers.append(answer)
            is_round_done = len(latencies_s) >= len(arguments)
            limit_s = seconds if is_round_done else 10 * seconds
            if ended_s - began_s >= limit_s and len(latencies_s) >= min(CALLS_MIN, len(arguments)):
                return answers, timing_of(latencies_s, ended_s - began_s)
