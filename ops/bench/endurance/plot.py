"""Plots of what happens over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot
from matplotlib.axes import Axes

from ops.bench.endurance.figures import Epoch, Grown, Reopened
from ops.bench.versus.picture import save

RED, BLUE, GREEN = "#c1272d", "#0072b2", "#009e73"


def draw_churn(histories: dict[str, Sequence[Epoch]], path: Path) -> None:
    """Recall, latency, memory and disk by epoch, with a line for each variant."""
    figure, grid = pyplot.subplots(2, 2, figsize=(9, 5.5), dpi=110, layout="constrained")
    for colour, (variant, history) in zip((RED, BLUE), histories.items(), strict=False):
        epochs = [each.number for each in history]
        for axes, title, values in zip(
            grid.flat,
            ("recall@10", "search p99, ms", "RssAnon added, MiB", "disk, MiB"),
            (
                [each.recall for each in history],
                [each.p99_ms for each in history],
                [each.anon_mib for each in history],
                [each.disk_mib for each in history],
            ),
            strict=True,
        ):
            axes.plot(epochs, values, color=colour, label=variant)
            _framed(axes, title, "epoch")
    grid[0, 0].set_ylim(top=1.0)
    grid[0, 0].legend(fontsize="small")
    save(figure, path)


def draw_growth(grown: Sequence[Grown], reopened: Sequence[Reopened], path: Path) -> None:
    """Memory and disk by the number of rows."""
    figure, axes = pyplot.subplots(figsize=(7, 4.5), dpi=110, layout="constrained")
    rows = [each.rows for each in grown]
    lines = {
        "on the disk": (BLUE, [each.disk_bytes / 2**20 for each in grown]),
        "RssAnon at the peak of loading": (GREEN, [each.peak_anon_kib / 1024 for each in grown]),
        "RssAnon added by opening and searching": (RED, [each.added_anon_kib / 1024 for each in reopened]),
    }
    for label, (colour, values) in lines.items():
        axes.plot(rows, values, color=colour, label=label, marker=".")
    _framed(axes, "MiB", "rows")
    axes.set(xscale="log", yscale="log")
    axes.legend(fontsize="small")
    save(figure, path)


def _framed(axes: Axes, title: str, below: str) -> None:
    axes.set(title=title, xlabel=below)
    axes.grid(which="both", color="#dddddd", linewidth=0.6)
