"""A server process of our own, for the demo, the benchmarks, the crash driver and the tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

START_LINE = re.compile(r"(http://\S+)")


class Server:
    """``asteroid serve`` on loopback, up once the constructor's ``with`` is entered."""

    def __init__(self, data: Path, *options: str, port: int = 0) -> None:
        self.url = ""
        self._command = [sys.executable, "-m", "asteroid_cloud.api", "serve", "--data", str(data)]
        self._command += ["--host", "127.0.0.1", "--port", str(port), *options]
        self._process: subprocess.Popen[str] | None = None

    @property
    def process(self) -> subprocess.Popen[str]:
        """The running process."""
        assert self._process is not None, "the server has not been started"
        return self._process

    def start(self) -> None:
        """Starts the process and waits for the line with its address; raises RuntimeError without one."""
        # The server's settings may also come from variables: only those given here shall count.
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ASTEROID_")}
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, env=clean)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = START_LINE.search(line)
            if found:
                self.url = found[1]
                return
        raise RuntimeError(f"the server ended with status {self._process.wait()} before it was up")

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

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
