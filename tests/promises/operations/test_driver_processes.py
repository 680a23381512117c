"""A few histories with real processes: what commands exit with, and what kill -9 leaves."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from asteroid_cloud.indexer import Point
from tests.promises.operations.driver.processes import Processes, ProcessRun
from tests.promises.operations.driver.steps.changes import InPlace, Replay, Undo
from tests.promises.operations.driver.steps.copies import BackUp, Restore, RestoreTo
from tests.promises.operations.driver.steps.past import Tag
from tests.promises.operations.driver.steps.serving import Close, Kill, Open
from tests.promises.operations.driver.steps.step import Step
from tests.promises.operations.driver.steps.transfers import Export, Import
from tests.promises.operations.driver.steps.writing import Flush, Write

HISTORIES = 5
KILLS_MS = (5, 15, 30, 60)
COMMANDS: list[Step] = [
    BackUp(into="monday", at="store"),
    BackUp(into="tuesday", at="store", previous="monday"),
    Restore(into="second", backup="monday"),
    RestoreTo(into="third", at="store", point=Point(lsn=3)),
    RestoreTo(into="third", at="store", point=Point(lsn=99)),
    InPlace(at="store", point=Point(lsn=2)),
    InPlace(at="store", point=Point(tag="early")),
    Undo(at="store"),
    Replay(at="store"),
    Export(into="whole", at="store"),
    Import(into="fourth", file="whole"),
]


def steps_of(seed: int) -> list[Step]:
    """Two servers one after the other, one of them killed, and commands in between, some of them killed."""
    drawn = random.Random(seed)
    chosen = drawn.sample(COMMANDS, 7)
    commands = [
        replace(each, cut=drawn.choice(KILLS_MS)) if drawn.random() < 0.4 else each for each in chosen
    ]
    writes: list[Step] = [Write(ids=(n, n + 1), draw=seed * 100 + n) for n in range(1, 5)]
    served = [*writes[:2], Tag(name="early"), Flush(), writes[2]]
    again = [Open(at="store"), writes[3], Close()]
    return [Open(at="store", keeps_log=None), *served, Kill(), *commands[:4], *again, *commands[4:]]


@pytest.mark.slow_first
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_history_of_processes(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    processes = Processes()
    history, steps = ProcessRun(processes), steps_of(seed)
    try:
        for step in steps:
            history.step(step)
        history.end()
    finally:
        processes.killed()
