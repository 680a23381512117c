"""A purge that is killed while it removes what was replaced: what an undo brings back is whole."""

from __future__ import annotations

from asteroid_cloud.indexer import Point
from tests.promises.operations.driver.runner import run
from tests.promises.operations.driver.steps.changes import InPlace, Undo
from tests.promises.operations.driver.steps.past import Purge
from tests.promises.operations.driver.steps.serving import Close, Open
from tests.promises.operations.driver.steps.step import Step
from tests.promises.operations.driver.steps.writing import Flush, Write

REPLACED: list[Step] = [
    Open(at="store", keeps_log=True),
    Write(ids=(1, 2), draw=1),
    Flush(),
    Write(ids=(3,), draw=2),
    Close(),
    InPlace(at="store", point=Point(lsn=2)),
    Undo(at="store"),
    Open(at="store"),
]
CUTS = range(36, 72, 3)
"""From the first change that removes what was replaced to the end."""


def test_an_undo_after_a_killed_purge() -> None:
    for cut in CUTS:
        run(1, [*REPLACED, Purge(cut=cut), Undo(at="store"), Open(at="store")])
