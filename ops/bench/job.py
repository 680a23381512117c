"""Running one phase in a process of its own, and getting its result back as JSON."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from ops.bench.data import Dataset

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


class Job(msgspec.Struct, frozen=True):
    """The arguments of a phase."""

    phase: str
    dataset: Dataset
    folder: str
    """The store."""
    seconds: float
    detail: str = ""
    """What only this phase needs: the way of calling, or the address of the server."""


def start(
    phase: str, dataset: Dataset, folder: Path, seconds: float = 0.0, detail: str = ""
) -> subprocess.Popen[bytes]:
    """Starts the phase and returns at once."""
    text = msgspec.json.encode(Job(phase, dataset, str(folder), seconds, detail)).decode()
    return subprocess.Popen([sys.executable, "-m", "ops.bench.child", text], stdout=subprocess.PIPE, cwd=ROOT)


def result_of(process: subprocess.Popen[bytes]) -> bytes:
    """Waits for a phase and gives what it wrote; raises RuntimeError when it failed."""
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"a phase ended with status {process.returncode}")
    return output


def run(
    kind: type[T], phase: str, dataset: Dataset, folder: Path, seconds: float = 0.0, detail: str = ""
) -> T:
    """Runs one phase and returns its result."""
    return msgspec.json.decode(result_of(start(phase, dataset, folder, seconds, detail)), type=kind)
