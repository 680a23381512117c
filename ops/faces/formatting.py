"""The project's own formatter, over text that a program wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RULES = "I,F401,UP028"
"""Imports in order and none unused; a loop that only yields becomes ``yield from``."""


def formatted(root: Path, path: str, text: str) -> str:
    """The text as ``ruff`` leaves it at that place of the tree."""
    fixed = _ruff(
        root, text, "check", "--fix-only", "--unsafe-fixes", "--select", RULES, "--stdin-filename", path
    )
    return _ruff(root, fixed, "format", "--stdin-filename", path)


def _ruff(root: Path, text: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "ruff", arguments[0], "--quiet", "--no-cache", *arguments[1:], "-"]
    done = subprocess.run(command, input=text, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout
