"""Printing results on the terminal, and writing them as a section of a Markdown file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from ops.bench.results import Results
from ops.bench.tables import Table, tables

PREFACE = """# Results

Written by `make bench` and `make bench-peers`, a section for each data set; a new run replaces its own.
Figures move with the machine and its load: compare only what was measured in one run.
"""
SECTION = re.compile(r"^## ", re.MULTILINE)


def show(made: Sequence[Table], console: Console) -> None:
    """Prints every table."""
    for table in made:
        drawn = RichTable(title=table.title, title_justify="left", title_style="bold")
        for place, head in enumerate(table.heads):
            drawn.add_column(head, justify="right" if place else "left", no_wrap=not place)
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)
        if table.note:
            console.print(f"[dim]{table.note}[/]", highlight=False)
        console.print()


def markdown(results: Results) -> str:
    """The section of one run."""
    lines = [
        f"{results.rows:,} × {results.dim}, {results.metric}; {results.queries:,} queries "
        f"({results.queries_origin}).",
        f"{results.date}, on {results.machine}; load average at the start {results.load}.",
        "",
        f"    {results.command}",
        "",
    ]
    return section(results.dataset, lines, tables(results))


def section(heading: str, preface: Sequence[str], made: Sequence[Table]) -> str:
    """A section of Markdown: a heading, some lines, tables."""
    lines = [f"## {heading}", "", *preface]
    for table in made:
        lines += _markdown_table(table)
    return "\n".join(lines)


def _markdown_table(table: Table) -> list[str]:
    lines = [f"### {table.title}", "", _row(table.heads), _row(("---", *["--:"] * (len(table.heads) - 1)))]
    lines += [_row(row) for row in table.rows]
    lines.append("")
    return [*lines, table.note, ""] if table.note else lines


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def keep(section: str, path: Path) -> None:
    """Writes a section into the file; it replaces the one with the same heading."""
    old = path.read_text() if path.exists() else PREFACE
    preface, *sections = SECTION.split(old)
    heading, _, rest = section.removeprefix("## ").partition("\n")
    kept = {each.partition("\n")[0]: each.partition("\n")[2] for each in sections}
    kept[heading] = rest
    body = "\n\n".join(f"## {name}\n{text.rstrip()}" for name, text in kept.items())
    path.write_text(f"{preface.rstrip()}\n\n{body}\n")
