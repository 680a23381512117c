"""The demo, run as a new user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_loads_searches_and_shows_what_it_found(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ops.demo", "--once", "--port", "0", "--folder", str(tmp_path / "demo")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "Inserted 2,000 vectors" in done.stdout
    assert done.stdout.count("distance") == 3
    assert "salamander" in done.stdout
