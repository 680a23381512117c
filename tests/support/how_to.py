"""Runs a page of ``docs/how-to`` as a reader would: its commands in a shell, its Python in one session.

A page is a list of steps. A block ``sh`` of ``asteroid`` commands runs them one after the other; any other
block ``sh`` runs in bash; both in a folder of the page's own. ``asteroid serve`` starts a server in the
background, which replaces the one before. Blocks ``python`` share one namespace. Comments that readers do not
see direct the run: ``stop the server``, ``status N`` for the next command, and ``check: EXPRESSION``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.client import Client, Conflict, Unauthorized
from ops.server import Server

STEP = re.compile(
    r"^```(?P<language>python|sh)\n(?P<code>.*?)^```$|^<!-- (?P<order>.*?) -->$", re.MULTILINE | re.DOTALL
)
URL = "http://127.0.0.1:8000"
"""The address in the documents; the server of a test has another port."""


@dataclass(frozen=True)
class Step:
    """One block of a page, or one comment; ``kind`` is ``python``, ``sh`` or ``order``."""

    kind: str
    text: str
    line: int


def steps_of(page: str) -> Iterator[Step]:
    """The steps of a page, in order."""
    for found in STEP.finditer(page):
        line = page.count("\n", 0, found.start()) + 1
        if found["order"] is not None:
            yield Step("order", found["order"], line)
        else:
            yield Step(found["language"], found["code"], line + 1)


class Reader:
    """A reader who follows a page: a folder, a shell, a Python session, and a server while one runs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._server: Server | None = None
        self._port = 0
        self._status = 0
        self._names: dict[str, object] = {"shown": ""}
        for name in [name for name in os.environ if name.startswith(("ASTEROID_", "LSMVEC_"))]:
            monkeypatch.delenv(name)
        monkeypatch.chdir(folder)

    def follow(self, step: Step, page: str) -> None:
        """Does what one step says; an assertion names the page and the line of a step that fails."""
        place = f"{page}:{step.line}"
        if step.kind == "python":
            # Lines before it are empty, so that a traceback has the page's own line numbers.
            code = "\n" * (step.line - 1) + self._at_this_server(step.text)
            exec(compile(code, page, "exec"), self._names)  # the page's own code is what is tested
        elif step.kind == "sh" and step.text.startswith("asteroid serve "):
            self._serve(step.text)
        elif step.kind == "sh":
            self._command_lines(step.text, place)
        else:
            self._obey(step.text, place)

    def leave(self) -> None:
        """Closes what the page left open."""
        for value in self._names.values():
            if isinstance(value, Client):
                value.close()
        self._stop()

    def _serve(self, command: str) -> None:
        self._stop()
        words = shlex.split(command.replace("\\\n", " "))[2:]
        words = [str(self._folder / word) if word.startswith("./") else word for word in words]
        data = words.pop(words.index("--data") + 1)
        words.remove("--data")
        self._server = Server(Path(data), *words, port=self._port)
        self._server.start()
        # A server that is started again has the same address, as on a reader's machine.
        self._port = urlsplit(self._server.url).port or 0
        self._monkeypatch.setenv("ASTEROID_URL", self._server.url)
        # The address is printed before recovery has ended, and before the index is made; readers are slower.
        makes_index = "--dim" in words or "--config" in words
        with Client() as client, suppress(Conflict, Unauthorized):
            while makes_index and not client.ready():  # the test's own timeout ends it otherwise
                pass
            client.get_index()

    def _stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _command_lines(self, text: str, place: str) -> None:
        lines = [shlex.split(line, comments=True) for line in text.replace("\\\n", " ").splitlines()]
        if all(words[0] == "asteroid" for words in lines):
            for words in lines:  # in this process: each start of an interpreter would take half a second
                result = CliRunner().invoke(main, words[1:])
                self._expect(result.exit_code, result.stdout, result.stderr, place)
            return
        command = ["bash", "-euo", "pipefail", "-c", self._at_this_server(text)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self._expect(done.returncode, done.stdout, done.stderr, place)

    def _expect(self, status: int, shown: str, errors: str, place: str) -> None:
        assert status == self._status, f"{place}: status {status}: {shown}{errors}"
        self._names["shown"] = shown
        self._status = 0

    def _obey(self, order: str, place: str) -> None:
        word, _, rest = order.partition(" ")
        if order == "stop the server":
            self._stop()
        elif word == "status":
            self._status = int(rest)
        elif word == "check:":
            assert eval(rest, self._names), f"{place}: {rest}, after {self._names['shown']}"
        else:
            raise AssertionError(f"{place}: there is no such order: {order}")

    def _at_this_server(self, text: str) -> str:
        return text if self._server is None else text.replace(URL, self._server.url)


@contextmanager
def reader(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader in ``folder``, whose server and clients end with the block."""
    made = Reader(folder, monkeypatch)
    try:
        yield made
    finally:
        made.leave()
