"""A progress bar for long uploads, on standard error, where a person can see it."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LONG_S = 2.0  # an upload that takes longer than this is worth a bar


class Meter:
    """Counts items; shows a bar at once (True), never (False), or if it takes long at a terminal (None)."""

    def __init__(self, total: int | None, show: bool | None) -> None:
        self.total = total
        self.wanted = show
        self.done = 0
        self.started = time.monotonic()
        self.bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        if self.wanted:
            self.bar = self.open_bar()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar[0].stop()

    def advance(self, items: int) -> None:
        """Count items that are done."""
        self.done += items
        if self.bar is None and self.due():
            try:
                self.bar = self.open_bar()
            except ImportError:
                self.wanted = False  # rich is a convenience; without it nothing is shown
        if self.bar is not None:
            self.bar[0].update(self.bar[1], completed=self.done)

    def due(self) -> bool:
        """Whether it is time to show a bar that was neither asked for nor forbidden."""
        return self.wanted is None and time.monotonic() - self.started >= LONG_S and sys.stderr.isatty()

    def open_bar(self) -> tuple[Progress, TaskID]:
        """A running bar."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        progress = Progress(*columns, console=Console(file=sys.stderr))
        task = progress.add_task("inserting", total=self.total, completed=self.done)
        progress.start()
        return progress, task
