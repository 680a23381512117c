"""The project's own formatter, over text that a program wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RULES = ("F401,UP028", "I")
"""First no unused import, and ``yield from`` for a loop that only yields; then imports in order."""


def formatted(root: Path, path: str, text: str) -> str:
    """The text as ``ruff`` leaves it at that place of the tree."""
    for rules in RULES:
        text = _ruff(
            root, text, "check", "--fix-only", "--unsafe-fixes", "--select", rules, "--stdin-filename", path
        )
    return _ruff(root, text, "format", "--stdin-filename", path)


def _ruff(root: Path, text: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "ruff", arguments[0], "--quiet", "--no-cache", *arguments[1:], "-"]
    done = subprocess.run(command, input=text, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout
