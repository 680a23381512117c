"""A server process of our own, for the demo, the benchmarks, the crash driver and the tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

START_LINE = re.compile(r"(http://\S+)")


class Process(Protocol):
    """As much of ``subprocess.Popen`` as the owner of a server uses."""

    stdout: IO[str] | None

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """The exit status, as far as it is known; below zero the signal that ended it."""

    def poll(self) -> int | None:
        """The exit status; None while it runs."""

    def send_signal(self, sig: int, /) -> None:
        """Sends it a signal, unless it has ended."""

    def kill(self) -> None:
        """Ends it at once."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits until it has ended; its exit status."""


class Server:
    """``asteroid serve`` on loopback, up once the constructor's ``with`` is entered."""

    def __init__(self, data: Path, *options: str, port: int = 0) -> None:
        self.url = ""
        self.data = data
        self._arguments = ["--data", str(data), "--host", "127.0.0.1", "--port", str(port), *options]
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The running process."""
        assert self._process is not None, "the server has not been started"
        return self._process

    def start(self) -> None:
        """Starts the process and waits for the line with its address; raises RuntimeError without one."""
        self._process = self._launch(self._arguments)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = START_LINE.search(line)
            if found:
                self.url = found[1]
                return
        raise RuntimeError(f"the server ended with status {self._ended()} before it was up")

    def _launch(self, arguments: list[str]) -> Process:
        # The server's settings may also come from variables: only those given here shall count.
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ASTEROID_")}
        command = [sys.executable, "-m", "asteroid_cloud.api", "serve", *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean)

    def stop(self) -> int:
        """Asks the server to end and gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> None:
        """Kills the server as a crash would."""
        self.process.kill()
        self._ended()

    def wait(self) -> int:
        """Waits until the server ends by itself."""
        return self.process.wait()

    def _ended(self) -> int:
        status = self.process.wait(timeout=60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
