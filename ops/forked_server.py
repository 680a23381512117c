"""Servers that start in a moment: forks of one process that has already imported everything.

What runs in the fork is the command ``asteroid serve``, as in a process of its own, and a signal ends it in
the same way. Whoever starts hundreds of servers saves the imports of each.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import IO

from ops.server import Server

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["asteroid_cloud.api.cli.main", "asteroid_cloud.api.http.server"])


class ForkedServer(Server):
    """``asteroid serve`` in a fork."""

    def _launch(self, arguments: list[str]) -> Fork:
        said, says = FORKING.Pipe(duplex=False)
        process = FORKING.Process(target=_serve, args=(arguments, says))
        process.start()
        says.close()  # the fork's own end is the only one now: it closes when the fork ends
        return Fork(process, said)


class Fork:
    """A forked process, with as much of ``subprocess.Popen`` as the owner of a server uses."""

    def __init__(self, process: ForkServerProcess, said: Connection) -> None:
        self.stdout: IO[str] | None = os.fdopen(os.dup(said.fileno()))
        self._process = process
        said.close()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, as far as it is known; below zero the signal that ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Sends it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it at once."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Waits until it has ended; its exit status. Raises TimeoutError."""
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise TimeoutError(f"process {self.pid} has not ended after {timeout} s")
        return status


def _serve(arguments: list[str], says: Connection) -> None:
    from asteroid_cloud.api.cli.main import main

    os.dup2(says.fileno(), 1)
    says.close()
    # The server's settings may also come from variables: only those given here shall count.
    for name in [name for name in os.environ if name.startswith("ASTEROID_")]:
        del os.environ[name]
    main(["serve", *arguments])
