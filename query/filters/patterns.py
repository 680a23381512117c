"""Regular expressions of filters: RE2's syntax, which is searched for in time linear in the text.

Those in use are kept compiled, few of them, because each may take PATTERN_MEMORY while it searches.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, cast

import re2  # type: ignore[import-untyped]

from asteroid_cloud.query.limits import REGEX_BYTES_MAX
from asteroid_cloud.wal.limits import KIB

PATTERN_MEMORY = 512 * KIB
"""What one expression may take; one that needs more is refused."""
PATTERNS_KEPT = 32


class MalformedPattern(ValueError):
    """A text that is no expression; its message says why."""


class Pattern(Protocol):
    """A compiled expression; any thread may use it."""

    def search(self, text: str) -> object | None:
        """What it matches somewhere in the text, or None."""
        ...


def check_pattern(pattern: str) -> None:
    """Raises MalformedPattern."""
    if len(pattern.encode()) > REGEX_BYTES_MAX:
        raise MalformedPattern(f"an expression has at most {REGEX_BYTES_MAX} bytes of UTF-8")
    compiled(pattern)


@lru_cache(maxsize=PATTERNS_KEPT)
def compiled(pattern: str) -> Pattern:
    """The expression that a text stands for; raises MalformedPattern."""
    options = re2.Options()
    options.max_mem = PATTERN_MEMORY
    options.log_errors = False
    options.never_capture = True
    try:
        return cast(Pattern, re2.compile(pattern, options))
    except re2.error as error:
        reason = error.args[0] if error.args else "malformed"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise MalformedPattern(f"no expression of RE2: {text}") from error
