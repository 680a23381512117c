"""The track record names the test that keeps each bug away; those files are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD = (ROOT / "tests" / "TRACK_RECORD.md").read_text()
ROWS = [line.split("|")[1:-1] for line in RECORD.splitlines() if line.startswith("| ")][1:]
PYTHON_FILE = re.compile(r"[\w/]+\.py")


def test_every_file_that_is_named_exists() -> None:
    names = set(PYTHON_FILE.findall(RECORD))
    known = {path.name for path in (ROOT / "tests").rglob("*.py")}
    missing = [name for name in names if not (ROOT / name).is_file() and name not in known]
    assert missing == []
    assert len(names) > 20


def test_every_bug_has_a_test_or_says_why_it_has_none() -> None:
    bare = [bug.strip() for bug, _, test in ROWS if not (PYTHON_FILE.search(test) or len(test.split()) > 3)]
    assert bare == []
    assert len(ROWS) > 30
