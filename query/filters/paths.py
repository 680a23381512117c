r"""Paths of payload fields as text: ``a.b`` is the key b of the object at a.

In a key, ``\.`` is a dot and ``\\`` a backslash; ``\$`` at the start of a key is a dollar. A text that begins
with a plain dollar is no path, and any other backslash is an error. Whoever takes a path from a request
reads it here.
"""

from __future__ import annotations

import re

from asteroid_cloud.query.limits import FIELD_BYTES_MAX
from asteroid_cloud.wal.errors import InvalidRequest

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


def field_path(field: object, name: str = "field", *, code: str = "bad_field") -> Path:
    """The path that a text says, ``a.b`` for b in a; raises InvalidRequest with this code.

    ``name`` is what the request calls it, for the error.
    """
    try:
        size = len(field.encode()) if isinstance(field, str) else 0
    except UnicodeEncodeError:  # half of a surrogate pair
        size = 0
    if not 1 <= size <= FIELD_BYTES_MAX or not isinstance(field, str):
        raise InvalidRequest(f"{name} must be a path of 1 to {FIELD_BYTES_MAX} bytes", code=code)
    try:
        return parse_path(field)
    except MalformedPath as error:
        raise InvalidRequest(f"{name} {field!r:.80}: {error}", code=code) from error


def path_text(path: Path) -> str:
    """The text that ``parse_path`` reads as this path."""
    text = ".".join(key.replace("\\", r"\\").replace(".", r"\.") for key in path)
    return "\\" + text if text.startswith("$") else text
