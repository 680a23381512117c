"""A system's process, as the process that sends commands sees it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from ops.bench.data import Dataset
from ops.bench.job import ROOT
from ops.bench.peers.registry import REGISTRY
from ops.bench.versus.commands import Command

T = TypeVar("T")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LOG_BYTES_SHOWN = 600
END_S_MAX = 30.0


class Failed(Exception):
    """A system failed to carry out a command; the message has the end of what it printed."""


class Process:
    """The process starts with the constructor; leaving the context ends it."""

    def __init__(self, name: str, dataset: Dataset, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder.with_name(f"{name}.log")
        arguments = [name, msgspec.json.encode(dataset).decode(), str(folder)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ops.bench.versus.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **ONE_THREAD, **REGISTRY[name].environment},
            )

    def ask(self, command: Command, kind: type[T], seconds_max: float) -> T:
        """Its answer; raises Failed, and the process has then ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(msgspec.json.encode(command) + b"\n")
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], seconds_max)[0]:
                raise self._failed(f"no answer within {seconds_max:.0f} s")
            line = self._process.stdout.readline()
        except BrokenPipeError as error:
            raise self._failed("it ended") from error
        if not line:
            raise self._failed("it ended")
        return msgspec.json.decode(line, type=kind)

    def _failed(self, why: str) -> Failed:
        self._process.kill()
        status = self._process.wait()
        printed = self._log.read_bytes()[-LOG_BYTES_SHOWN:].decode(errors="replace").strip()
        return Failed(f"{why} (status {status})\n{printed}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=END_S_MAX)
        except (subprocess.TimeoutExpired, BrokenPipeError, ValueError):
            self._process.kill()
            self._process.wait()
