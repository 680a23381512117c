"""The results of the laboratory as tables: what is worst, and how each state does."""

from __future__ import annotations

from collections.abc import Sequence

from ops.bench.shapes.measuring import Case, Figure, Refused
from ops.bench.tables import Rows, Table

SHAPES_MAX = 40
LOW = 0.95
PEER_MARGIN = 0.01
"""Among 100 queries a difference of one neighbour says nothing."""


def worst_first(cases: Sequence[Case]) -> Table:
    """Each shape where it does worst, the worst shapes first, at most SHAPES_MAX of them."""
    of_shape: dict[str, Case] = {}
    for case in sorted(cases, key=lambda case: case.worst):
        of_shape.setdefault(case.shape, case)
    ordered = list(of_shape.values())
    heads = ["data", "rows", "state", "deletes", "filter", "walked + scanned"]
    heads += [f"@{figure.k}" for figure in ordered[0].figures] if ordered else []
    lines: Rows = [
        (
            case.shape,
            f"{case.rows:,}",
            case.state,
            "15%" if case.is_thinned else "–",
            case.filter,
            parts(case),
            *(cell(figure) for figure in case.figures),
        )
        for case in ordered[:SHAPES_MAX]
    ]
    note = (
        "Each shape of data in that state, with or without deletes, and under that filter where any recall "
        "is lowest. Recall of the store at the default ef (insertion: 64) / of the same search with "
        "`exact` / of hnswlib over float32 with the same ef; a hit counts when it is as near as the true "
        "k-th neighbour. Walked + scanned: parts of the store; again: walks that found too little, and were "
        "followed by a scan."
    )
    return Table("Recall by shape, worst first", tuple(heads), lines, note)


def parts(case: Case) -> str:
    """How many parts were walked and scanned."""
    again = f", {case.rescanned} again" if case.rescanned else ""
    return f"{case.walked} + {case.scanned}{again}"


def cell(figure: Figure) -> str:
    """Recall of the three."""
    theirs = "–" if figure.peer is None else f"{figure.peer:.3f}"
    return f"{figure.recall:.3f} / {figure.exact:.3f} / {theirs}"


def by_state(cases: Sequence[Case], refused: Sequence[Refused]) -> Table:
    """One line for each state, and one for all."""
    states = dict.fromkeys(case.state for case in cases)
    heads = ("state", "cases", "mean recall", "lowest", f"below {LOW}", "below hnswlib", "scan ≠ exact")
    lines: Rows = [_summary(name, [case for case in cases if case.state == name]) for name in states]
    lines.append(_summary("all", cases))
    note = (
        "Cases: a shape, with and without deletes, under a filter or without one, at one k. Below hnswlib: "
        f"by more than {PEER_MARGIN}. Scan ≠ exact: all parts were scanned, and some answer is not that of "
        "`exact`. Exact wrong: its neighbours are farther than rounding to the stored steps explains."
    )
    if refused:
        names = sorted({f"{each.shape}: {each.code}" for each in refused})
        note += f" Refused, with a typed error: {'; '.join(names)}."
    return Table("Recall by state", (*heads, "exact wrong"), lines, note)


def _summary(name: str, cases: Sequence[Case]) -> tuple[str, ...]:
    figures = [figure for case in cases for figure in case.figures]
    scans = [figure for case in cases if not case.walked for figure in case.figures]
    recalls = [figure.recall for figure in figures]
    mean, lowest = (sum(recalls) / len(recalls), min(recalls)) if recalls else (1.0, 1.0)
    return (
        name,
        f"{len(figures):,}",
        f"{mean:.4f}",
        f"{lowest:.3f}",
        str(sum(recall < LOW for recall in recalls)),
        str(sum(figure.peer is not None and figure.recall < figure.peer - PEER_MARGIN for figure in figures)),
        str(sum(figure.differing > 0 for figure in scans)),
        str(sum(figure.excess > 1 for figure in figures)),
    )
