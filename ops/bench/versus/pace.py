"""How many searches a second: a plain loop, one query a call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

WARM_UP_CALLS = 50
WARM_UP_S_MAX = 0.1
SECONDS_MAX = 1.0
"""A measurement ends with a round of all queries, unless that takes longer than this."""


def pace(call: Callable[[T], object], queries: Sequence[T], seconds: float, threads: int = 1) -> float:
    """Calls a second, in whole rounds of at least this many seconds; each thread begins at another query."""
    _warm_up(call, queries)
    if threads == 1:
        return _rounds(call, queries, seconds)
    start = threading.Barrier(threads)
    rates = [0.0] * threads

    def client(place: int) -> None:
        first = place * len(queries) // threads
        mine = [*queries[first:], *queries[:first]]
        start.wait()
        rates[place] = _rounds(call, mine, seconds)

    clients = [threading.Thread(target=client, args=(place,)) for place in range(threads)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return sum(rates)


def _warm_up(call: Callable[[T], object], queries: Sequence[T]) -> None:
    began_s = time.perf_counter()
    for query in queries[:WARM_UP_CALLS]:
        call(query)
        if time.perf_counter() - began_s > WARM_UP_S_MAX:
            return


def _rounds(call: Callable[[T], object], queries: Sequence[T], seconds: float) -> float:
    calls = 0
    began_s = time.perf_counter()
    while True:
        for query in queries:
            call(query)
            calls += 1
            elapsed_s = time.perf_counter() - began_s
            if elapsed_s >= SECONDS_MAX:
                return calls / elapsed_s
        if elapsed_s >= seconds:
            return calls / elapsed_s
