"""The curves as a plot."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter

from ops.bench.peers.registry import OURS, REGISTRY
from ops.bench.versus.figures import Run
from ops.bench.versus.picture import save

RECALL_MIN = 0.85
COLOURS = ["#c1272d", "#000000", "#8c8c8c", "#0072b2", "#e69f00", "#009e73", "#56b4e9"]
COLOURS += ["#8c6bb1", "#b15928", "#cc79a7", "#a6d854"]


def draw(run: Run, path: Path) -> None:
    """Writes a PNG: further right is more exact, further up is faster."""
    figure, axes = pyplot.subplots(figsize=(8, 5), dpi=110, layout="constrained")
    rates = []
    colours = dict(zip(REGISTRY, cycle(COLOURS), strict=False))
    for each in run.systems:
        if not each.curve:
            continue
        is_ours = each.name == OURS
        points = [point for point in each.curve if point.recall >= RECALL_MIN]
        rates += [point.per_s for point in points]
        axes.plot(
            [point.recall for point in points],
            [point.per_s for point in points],
            color=colours[each.name],
            label=each.label,
            linewidth=2.6 if is_ours else 1.2,
            marker=".",
            markersize=9 if is_ours else 5,
            zorder=3 if is_ours else 2,
        )
    axes.set(
        title=f"{run.rows:,} × {run.dim}: one query a call, one thread",
        xlabel="recall@10",
        ylabel="queries a second",
        yscale="log",
        xlim=(RECALL_MIN, 1.0),
    )
    for axis in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        axis(FuncFormatter(lambda value, _: f"{value:,.0f}" if str(int(value))[0] in "125" else ""))
    axes.grid(which="both", color="#dddddd", linewidth=0.6)
    axes.legend(loc="lower left", fontsize="small")
    save(figure, path)
