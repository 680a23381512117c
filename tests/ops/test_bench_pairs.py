"""The comparison of two checkouts: who is asked when, and a run of it with this checkout as both."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.bench.pairs.cases import CASES, Asked, Case
from ops.bench.pairs.command import WARM_UP, Compared, compare, line
from ops.bench.pairs.side import Side, processor_s
from ops.bench.pairs.wire import Wire, request


def test_both_sides_are_asked_equally_often_and_take_turns_in_beginning() -> None:
    asked = list[str]()

    @contextmanager
    def opened(_: Side, __: Side, ___: Path) -> Iterator[tuple[Asked, Asked]]:
        def of(name: str) -> Asked:
            return Asked(os.getpid(), lambda: asked.append(f"prepare {name}"), lambda: asked.append(name))

        yield of("before"), of("after")

    side = Side("none", ())
    compare(Case("nothing", 1, opened), side, side, 4)
    pairs = 4 + WARM_UP
    assert asked[:8] == [
        *("prepare before", "before", "prepare after", "after"),
        *("prepare after", "after", "prepare before", "before"),
    ]
    assert len(asked) == 4 * pairs


def test_processor_time_is_that_of_the_process_and_goes_up() -> None:
    began_s = processor_s(os.getpid())
    assert sum(range(100_000))
    assert 0 < began_s < processor_s(os.getpid())


def test_a_row_of_the_table_has_times_ratio_and_spread() -> None:
    found = Compared("searches", 200.04, 190.0, 0.95, (0.94, 0.961))
    assert line(found) == "| searches | 200.0 | 190.0 | 0.950 | 0.940 … 0.961 |\n"


@pytest.mark.parametrize("pieces", [1, 7])
def test_an_answer_is_read_whole_however_it_arrives(pieces: int) -> None:
    answer = b'HTTP/1.1 200 OK\r\ncontent-length: 11\r\nx: y\r\n\r\n{"lsn": 42}'
    with _served(answer, pieces) as address, Wire(address) as wire:
        assert wire.ask("GET", "/v1/stats") == {"lsn": 42}


def test_a_refusal_is_an_error() -> None:
    answer = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\n{}"
    with _served(answer, 1) as address, Wire(address) as wire, pytest.raises(RuntimeError, match="429"):
        wire.send(request("POST", "/v1/search", {}))


def test_a_case_runs_with_this_checkout_as_both_sides() -> None:
    [case] = [each for each in CASES if each.name == "single rows of 64, embedded"]
    found = compare(case, Side("before", [sys.executable]), Side("after", [sys.executable]), 2)
    assert found.before_us > 0
    assert found.ratio > 0


@contextmanager
def _served(answer: bytes, pieces: int) -> Iterator[tuple[str, int]]:
    """A server of one connection and one answer, which leaves in so many pieces."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.recv(1 << 16)
                size = -(-len(answer) // pieces)
                for start in range(0, len(answer), size):
                    connection.sendall(answer[start : start + size])

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()
        thread.join()
