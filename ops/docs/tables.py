"""Markdown tables, and the line that marks a page as generated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

GENERATED = (
    "<!-- Generated from the code by `make docs`. Do not edit: change the code, or the text in ops/docs. -->"
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with one line a row."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def page(title: str, *parts: str) -> str:
    """A whole page: the mark, the title, and its parts with an empty line between them."""
    return "\n\n".join([GENERATED, f"# {title}", *(part.strip() for part in parts)]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
