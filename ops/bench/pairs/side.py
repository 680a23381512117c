"""One of the two that are compared: an interpreter that has the store installed, and the processes of it.

What is measured is processor time as the kernel counts it for a whole process, with all its threads and to
the nanosecond. What else runs on the machine hardly changes that.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

WORKER = Path(__file__).with_name("worker.py")
SERVE = (
    "-m",
    "asteroid_cloud.api",
    "serve",
    "--port",
    "0",
    "--memory-budget",
    "2GiB",
    "--log-level",
    "error",
)
ADDRESS = re.compile(rb"http://[0-9.]+:[0-9]+")
SCHEDULED = 2
"""The clock of a process that counts the time for which it was scheduled (CPUCLOCK_SCHED)."""


def processor_s(pid: int) -> float:
    """The processor time that a process has used, in seconds."""
    return time.clock_gettime((~pid << 3) | SCHEDULED)


class Server:
    """A server that runs, and where it listens."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.pid = process.pid
        self.address = (parts.hostname, parts.port)


class Worker:
    """A process with an embedded store, which does what it is told, a line each."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid = process.pid
        self._to, self._from = process.stdin, process.stdout

    def do(self, *words: object) -> None:
        """Does one thing; raises RuntimeError when it fails."""
        self._to.write(" ".join(map(str, words)).encode() + b"\n")
        self._to.flush()
        if self._from.readline() != b"done\n":
            raise RuntimeError(f"the worker did not do {words}")


class Side:
    """An interpreter, as the words that start it."""

    def __init__(self, name: str, python: Sequence[str]) -> None:
        self.name = name
        self._python = tuple(python)

    @contextmanager
    def server(self, data: Path) -> Iterator[Server]:
        """A server of that data directory."""
        with self._started(*SERVE, "--data", str(data)) as process:
            assert process.stdout is not None
            found = None
            while found is None:
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError(f"the server {self.name} ended")
                found = ADDRESS.search(line)
            yield Server(process, found.group().decode())

    @contextmanager
    def worker(self, data: Path) -> Iterator[Worker]:
        """A process that has that data directory embedded."""
        with self._started(str(WORKER), str(data)) as process:
            yield Worker(process)

    @contextmanager
    def _started(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen(
            [*self._python, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",  # so that only what is installed is imported
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
