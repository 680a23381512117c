"""Writes the blocking client's modules from the asynchronous ones: `python ops/blocking.py [--check]`.

Only the modules that merely pass calls on are written this way. The two that do real work, the
transport and the loading of batches, are written by hand for each side.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[1] / "client"
MODULES = ("index", "vectors", "search", "client")
NOTE = "# Written by ops/blocking.py from aio/{module}.py: change that one.\n"
CHANGES = (
    (r"\basync (def|with|for) ", r"\1 "),
    (r"\bawait ", ""),
    (r"for (\w+) in (.+):\n +yield \1\n", r"yield from \2\n"),
    (r"\bAsync(Client|\w+Calls|Iterator)\b", r"\1"),
    (r"\bAsyncTransport\b", "BlockingTransport"),
    (r"\bclient\.aio\b", "client.sync"),
    (r"\baclose\b", "close"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\b([Tt]he|An?) asynchronous client", lambda found: f"{found[1].replace('An', 'A')} blocking client"),
)


def blocking(module: str) -> str:
    """The text of a blocking module."""
    text = (CLIENT / "aio" / f"{module}.py").read_text()
    for pattern, replacement in CHANGES:
        text = re.sub(pattern, replacement, text)
    # The new names sort differently.
    text = re.sub(r"(?<=abc import ).+", lambda found: ", ".join(sorted(found[0].split(", "))), text)
    text = re.sub(r"(?:^from asteroid_cloud.*\n)+", sort_lines, text, count=1, flags=re.MULTILINE)
    return NOTE.format(module=module) + text


def sort_lines(found: re.Match[str]) -> str:
    """A block of imports in order."""
    return "".join(sorted(found[0].splitlines(keepends=True)))


def main() -> int:
    """Write the modules, or with --check say which are not current."""
    stale = [name for name in MODULES if not current(name)]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"client/sync/{name}.py is not what ops/blocking.py writes", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (CLIENT / "sync" / f"{name}.py").write_text(blocking(name))
    return 0


def current(module: str) -> bool:
    """Whether the written module is what the asynchronous one says."""
    path = CLIENT / "sync" / f"{module}.py"
    return path.exists() and path.read_text() == blocking(module)


if __name__ == "__main__":
    sys.exit(main())
