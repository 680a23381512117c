"""Building each system, one after another, each time in a fresh process."""

from __future__ import annotations

import shutil
from pathlib import Path

from ops.bench.data import Dataset
from ops.bench.memory import bytes_under
from ops.bench.peers import registry
from ops.bench.versus.commands import Build, Built, Command, Insert, Inserted
from ops.bench.versus.figures import Figures
from ops.bench.versus.process import Failed, Process, T

BUILD_THREADS = 2
BUILD_S_MAX = 1800.0


def build(figures: Figures, dataset: Dataset, folder: Path) -> None:
    """Fills in how the system builds; leaves in `folder` the store to be searched.

    That is the store built by inserting, where the system can insert, else the one built in one call.
    """
    adapter = registry.load(figures.name)
    if adapter.can_build:
        built = _perform(Build(BUILD_THREADS), Built, figures, dataset, folder)
        figures.built = built
        figures.disk_bytes = bytes_under(folder) if built else None
    if adapter.can_insert:
        shutil.rmtree(folder, ignore_errors=True)
        inserted = _perform(Insert(), Inserted, figures, dataset, folder)
        figures.inserted = inserted
        figures.disk_bytes = bytes_under(folder) if inserted else None


def _perform(command: Command, kind: type[T], figures: Figures, dataset: Dataset, folder: Path) -> T | None:
    with Process(figures.name, dataset, folder) as process:
        try:
            return process.ask(command, kind, BUILD_S_MAX)
        except Failed as error:
            figures.failures.append(str(error))
            return None
