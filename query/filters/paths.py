r"""Paths of payload fields as text: ``a.b`` is the key b of the object at a.

In a key, ``\.`` is a dot and ``\\`` a backslash; ``\$`` at the start of a key is a dollar. A text that begins
with a plain dollar is no path, and any other backslash is an error. Whoever takes a path from a request
reads it here.
"""

from __future__ import annotations

import re

Path = tuple[str, ...]
"""A field: keys through objects, outermost first."""

_PIECE = re.compile(r"[^.\\]+|\.|\\.?", re.DOTALL)
"""A run of plain characters, a dot between keys, or an escape."""


class MalformedPath(ValueError):
    """A text that is no path; its message says why, and at which character."""


def parse_path(text: str) -> Path:
    """The path that a text stands for; raises MalformedPath."""
    if text.startswith("$"):
        raise MalformedPath(r"a path does not begin with $; write \$ for a key that does")
    if "\\" not in text:  # as nearly all are
        return tuple(text.split("."))
    keys: list[list[str]] = [[]]
    for found in _PIECE.finditer(text):
        piece = found[0]
        if piece == ".":
            keys.append([])
        elif piece in (r"\.", r"\\") or (piece == r"\$" and not keys[-1]):
            keys[-1].append(piece[1])
        elif piece.startswith("\\"):
            raise MalformedPath(
                f"the backslash at character {found.start()} is part of no escape: in a key, "
                r"\. is a dot, \\ a backslash, and \$ at its start a dollar"
            )
        else:
            keys[-1].append(piece)
    return tuple(map("".join, keys))


def path_text(path: Path) -> str:
    """The text that ``parse_path`` reads as this path."""
    text = ".".join(key.replace("\\", r"\\").replace(".", r"\.") for key in path)
    return "\\" + text if text.startswith("$") else text
