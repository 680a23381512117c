"""What is wrong with JSON that a decoder refuses with few words, and what it lets pass: a key given twice."""

from __future__ import annotations

import json
import re

_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?|[{}]', re.DOTALL)
_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_SHOWN_CHARACTERS_MAX = 80


def fault_of(text: bytes) -> str | None:
    """Why some text is not JSON where the decoder does not say: it is empty, or has a lone surrogate."""
    if not text.strip():
        return "it is empty"
    found = _lone_surrogate(text)
    return None if found is None else f"the lone surrogate {found[0]} at byte {found[1]} is no character"


def repeated_key(text: bytes) -> str | None:
    """The first key that an object in valid JSON has twice; None when there is none.

    Its cost depends on how many strings there are, not on how many numbers.
    """
    keys = _KEY.findall(text)
    if len(set(keys)) == len(keys) and not any(b"\\" in key for key in keys):
        return None  # as a rule; else the same key may stand in different objects
    objects: list[set[str]] = []
    for found in _STRING.finditer(text):
        token = found[0]
        if token == b"{":
            objects.append(set())
        elif token == b"}":
            objects.pop()
        elif found[2]:
            key = json.loads(b'"' + found[1] + b'"')
            if key in objects[-1]:
                return str(key)[:_SHOWN_CHARACTERS_MAX]
            objects[-1].add(key)
    return None


def _lone_surrogate(text: bytes) -> tuple[str, int] | None:
    """The escape of half a surrogate pair, and where it stands."""
    high: tuple[int, int] | None = None
    for found in _ESCAPE.finditer(text):
        number = int(found[1], 16) if found[1] else 0
        is_low = 0xDC00 <= number <= 0xDFFF
        if high is not None:
            if is_low and found.start() == high[1] + 6:
                high = None
                continue
            return rf"\u{high[0]:04x}", high[1]
        if is_low:
            return rf"\u{number:04x}", found.start()
        if 0xD800 <= number <= 0xDBFF:
            high = number, found.start()
    return None if high is None else (rf"\u{high[0]:04x}", high[1])
