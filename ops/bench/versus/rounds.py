"""Searching: all systems stay open and are measured in turn, round after round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from ops.bench.data import Dataset
from ops.bench.truth import nearest, recall
from ops.bench.versus.commands import Answer, Answers, Open, Opened, Pace, Paced
from ops.bench.versus.figures import Figures, Point
from ops.bench.versus.process import Failed, Process, T
from ops.bench.workload import USUAL_BREADTH, K

BREADTHS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512)
THREADS = 2
THREADS_BREADTH = USUAL_BREADTH
THREADS_SECONDS = 0.5
ANSWER_S_MAX = 300.0
"""Long enough for the slowest system to answer all queries once, short enough to notice one that hangs."""


class Rounds:
    """The open systems; a system that fails is left out from then on."""

    def __init__(self, systems: list[Figures], processes: Mapping[str, Process], dataset: Dataset) -> None:
        self._running = {figures.name: figures for figures in systems if figures.disk_bytes is not None}
        self._processes = processes
        self._dataset = dataset

    def measure(self, passes: int, seconds: float, said: Callable[[str], None]) -> None:
        """Fills in memory, curves and the threads' ratio of every system."""
        self._each(lambda figures: self._open(figures))
        said("the answers …")
        recalls: dict[str, dict[int, float]] = {}
        self._each(lambda figures: recalls.update({figures.name: self._recalls(figures)}))
        rates: dict[tuple[str, int], list[float]] = {}

        def once(figures: Figures) -> None:
            for breadth in BREADTHS:
                rate = self._rate(figures, breadth, seconds, 1)
                rates.setdefault((figures.name, breadth), []).append(rate)

        for turn in range(passes):
            said(f"the rates, pass {turn + 1} of {passes} …")
            self._each(once)
        for name, figures in self._running.items():
            figures.curve = [
                Point(breadth, recalls[name][breadth], median(rates[name, breadth])) for breadth in BREADTHS
            ]
        said("two threads …")  # last, since not every system survives it
        ratios: dict[str, list[float]] = {}
        for _ in range(passes):
            self._each(lambda figures: ratios.setdefault(figures.name, []).append(self._ratio(figures)))
        for name, figures in self._running.items():
            figures.threads_ratio = median(ratios[name])

    def _each(self, step: Callable[[Figures], None]) -> None:
        for name, figures in list(self._running.items()):
            try:
                step(figures)
            except Failed as error:
                figures.failures.append(str(error))
                del self._running[name]

    def _open(self, figures: Figures) -> None:
        figures.opened = self._ask(figures, Open(), Opened)

    def _recalls(self, figures: Figures) -> dict[int, float]:
        dataset = self._dataset
        base, queries = dataset.base_rows(), dataset.query_rows()
        truth = nearest(base, queries, K, dataset.metric)
        return {
            breadth: recall(
                truth, base, queries, self._ask(figures, Answer(breadth), Answers).ids, dataset.metric
            )
            for breadth in BREADTHS
        }

    def _rate(self, figures: Figures, breadth: int, seconds: float, threads: int) -> float:
        return self._ask(figures, Pace(breadth, seconds, threads), Paced).per_s

    def _ratio(self, figures: Figures) -> float:
        one = self._rate(figures, THREADS_BREADTH, THREADS_SECONDS, 1)
        return self._rate(figures, THREADS_BREADTH, THREADS_SECONDS, THREADS) / one

    def _ask(self, figures: Figures, command: Answer | Open | Pace, kind: type[T]) -> T:
        return self._processes[figures.name].ask(command, kind, ANSWER_S_MAX)


def search(
    systems: list[Figures],
    folders: Mapping[str, Path],
    dataset: Dataset,
    passes: int,
    seconds: float,
    said: Callable[[str], None],
) -> None:
    """Starts a process for each system and measures all of them in turn."""
    with ExitStack() as stack:
        processes = {
            figures.name: stack.enter_context(Process(figures.name, dataset, folders[figures.name]))
            for figures in systems
            if figures.disk_bytes is not None
        }
        Rounds(systems, processes, dataset).measure(passes, seconds, said)
