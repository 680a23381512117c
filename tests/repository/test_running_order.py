"""Tests that run side by side: which begin first, and that a serial one is alone."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

from tests.support.machine_lock import holding_the_machine
from tests.support.running_order import dealt


def test_each_process_begins_with_slow_tests_and_goes_on_with_neighbours() -> None:
    tests = [f"quick {number}" for number in range(7)] + ["slow 0", "slow 1", "slow 2"]
    order = dealt(tests, lambda test: test.startswith("slow"), 2)
    assert sorted(order) == tests
    assert order[:5] == ["slow 0", "slow 2", "quick 0", "quick 1", "quick 2"]
    assert order[5:] == ["slow 1", "quick 3", "quick 4", "quick 5", "quick 6"]


def test_more_slow_tests_than_a_stretch_has_room_for_lose_none() -> None:
    assert sorted(dealt([3, 1, 2], lambda test: True, 8)) == [1, 2, 3]
    assert dealt([], lambda test: True, 2) == []


def test_who_wants_the_machine_alone_waits_for_the_others_and_they_for_it(tmp_path: Path) -> None:
    gate, machine = tmp_path / "gate", tmp_path / "machine"
    gate.touch()
    machine.touch()
    said: list[str] = []
    is_alone, may_end = threading.Event(), threading.Event()

    def run(name: str, *, alone: bool) -> None:
        with holding_the_machine(alone=alone, gate=gate, machine=machine):
            said.append(f"{name} begins")
            if alone:
                is_alone.set()
                assert may_end.wait(60)
            said.append(f"{name} ends")

    serial = threading.Thread(target=run, args=("serial",), kwargs={"alone": True})
    other = threading.Thread(target=run, args=("other",), kwargs={"alone": False})
    with ExitStack() as both:
        for _ in range(2):
            both.enter_context(holding_the_machine(alone=False, gate=gate, machine=machine))
        serial.start()
        said.append("two end")
    assert is_alone.wait(60)
    other.start()
    may_end.set()
    serial.join()
    other.join()
    assert said == ["two end", "serial begins", "serial ends", "other begins", "other ends"]
