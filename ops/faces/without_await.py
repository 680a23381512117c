"""Asynchronous source as blocking source, token by token: comments and docstrings stay where they are."""

from __future__ import annotations

import io
import re
import token
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

GENERATOR = "AsyncGenerator"
"""It takes two parameters; the blocking ``Generator`` has one more, for what it returns."""


@dataclass(frozen=True)
class Words:
    """What things are called on the other side."""

    names: dict[str, str]
    """Identifiers, and the same words within docstrings and comments."""
    phrases: dict[str, str]
    """Of docstrings and comments only."""

    def prose(self, text: str) -> str:
        """A docstring or comment in the other side's words."""
        for phrase, other in self.phrases.items():
            text = text.replace(phrase, other)
        return re.sub(r"\b[A-Z]\w+\b", lambda found: self.names.get(found[0], found[0]), text)


@dataclass(frozen=True)
class Edit:
    """A stretch of the source, and what stands there instead."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def without_await(source: str, words: Words) -> str:
    """The source with ``async`` and ``await`` left out and names exchanged."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    lines = source.splitlines(keepends=True)
    # From the end, so that the places of what is still to be edited stay true.
    for edit in sorted(_edits(tokens, words), key=lambda edit: edit.start, reverse=True):
        (first, left), (last, right) = edit.start, edit.end
        lines[first - 1 : last] = [lines[first - 1][:left] + edit.text + lines[last - 1][right:]]
        lines[first - 1 : first] = lines[first - 1].splitlines(keepends=True)
    return "".join(lines)


def _edits(tokens: list[tokenize.TokenInfo], words: Words) -> Iterator[Edit]:
    for place, each in enumerate(tokens):
        if each.type == token.NAME and each.string in ("async", "await"):
            yield Edit(each.start, tokens[place + 1].start, "")
        elif each.type == token.NAME and each.string in words.names:
            yield Edit(each.start, each.end, words.names[each.string])
            if each.string == GENERATOR and tokens[place + 1].string == "[":
                end = _closing(tokens, place + 1).start
                yield Edit(end, end, ", None")
        elif each.type == token.COMMENT or (each.type == token.STRING and each.string.startswith('"""')):
            prose = words.prose(each.string)
            if prose != each.string:
                yield Edit(each.start, each.end, prose)


def _closing(tokens: list[tokenize.TokenInfo], place: int) -> tokenize.TokenInfo:
    """The bracket that closes the one at that place."""
    depth = 0
    for each in tokens[place:]:
        depth += {"[": 1, "]": -1}.get(each.string, 0)
        if depth == 0:
            return each
    raise ValueError(f"a bracket on line {tokens[place].start[0]} is never closed")
