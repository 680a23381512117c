"""The same histories with real processes: commands of ``asteroid`` on a real disk, and kill -9."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import shutil
import sys
from collections.abc import Container
from pathlib import Path
from typing import Any

from asteroid_cloud.api.cli.main import main as asteroid
from asteroid_cloud.client import Client, Conflict
from asteroid_cloud.indexer import Point
from asteroid_cloud.wal.disk import LocalFiles
from asteroid_cloud.wal.errors import AsteroidError
from ops.forked_server import FORKING, ForkedServer
from tests.promises.operations.driver.disk import Counted, Killed, Tree
from tests.promises.operations.driver.looking import Seen, look_at
from tests.promises.operations.driver.model import World
from tests.promises.operations.driver.real import BEGAN_MS, Real
from tests.promises.operations.driver.runner import Run
from tests.promises.operations.driver.steps.changes import InPlace, Replay, Undo
from tests.promises.operations.driver.steps.copies import BackUp, Restore, RestoreTo
from tests.promises.operations.driver.steps.past import Tag
from tests.promises.operations.driver.steps.serving import Close, Kill, Open
from tests.promises.operations.driver.steps.step import Step
from tests.promises.operations.driver.steps.transfers import Export, Import
from tests.promises.operations.driver.steps.writing import Flush, Write
from tests.promises.power.stored import DIM
from tests.support.engines import vectors

CODE = re.compile(r"\((\w+)\)\s*$|^(?!asteroid)(\w+): ")
NO_FILE = "does not exist"
"""A command line with a file that is not there is refused before there is an error with a code."""
LOOK = "look"


class _Names(Container[str]):
    def __contains__(self, name: object) -> bool:
        return Path(str(name)).is_file()


class FolderDisk(LocalFiles):
    """The folder that the process works in."""

    is_dead = False
    contents = _Names()
    kill_after_ms: int | None = None

    def kill_after(self, count: int, counted: Counted = "changes") -> None:
        """The next command is killed after so many milliseconds."""
        self.kill_after_ms = count

    def tree(self, folder: str) -> Tree:
        """All that is in a folder, or the file of that name."""
        root = Path(folder)
        paths = [root, *root.rglob("*")] if root.exists() else []
        return {
            str(path): path.read_bytes() if path.is_file() else None for path in paths if path.name != "LOCK"
        }


class Processes(Real):
    """Commands and servers in processes of their own."""

    def __init__(self) -> None:
        self.disk: Any = FolderDisk()
        self.now_ms = BEGAN_MS
        self.server: ForkedServer | None = None
        self._folder = ""

    @property
    def is_open(self) -> bool:
        """Whether a server runs."""
        return self.server is not None

    def serve(self, folder: str) -> None:
        """Starts a server; one that remembers requests would log more than the model knows of."""
        self.server, self._folder = ForkedServer(Path(folder), "--idempotency-keys", "0"), folder
        self.server.start()

    def killed(self) -> None:
        """Kills the server."""
        self.disk.kill_after_ms = None
        if self.server is not None:
            self.server.kill()
            self.server = None

    def close(self) -> None:
        """Stops the server in order."""
        if self.server is not None:
            assert self.server.stop() == 0
            self.server = None

    def command(self, *words: str) -> None:
        """Runs a command; raises AsteroidError with the code that it told, Killed."""
        said, says = FORKING.Pipe(duplex=False)
        process = FORKING.Process(target=_command, args=(words, os.getcwd(), says))
        process.start()
        after_ms = self.disk.kill_after_ms
        process.join(None if after_ms is None else after_ms / 1000)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise Killed
        says.close()
        if process.exitcode:
            told = said.recv() if said.poll() else ""
            found = CODE.search(told)
            code = (found[1] or found[2]) if found else f"status {process.exitcode}"
            raise AsteroidError(told, code="not_found" if NO_FILE in told else code)

    def look(self, folder: str) -> Seen:
        """What a store holds, seen on a copy."""
        shutil.rmtree(LOOK, ignore_errors=True)
        shutil.copytree(folder, LOOK)
        return look_at(LocalFiles(), LOOK, asyncio.run)


class ProcessRun(Run):
    """A history with real processes."""

    def __init__(self, processes: Processes) -> None:
        super().__init__(processes)
        self._processes = processes

    def execute(self, step: Step) -> None:
        """Runs the command, or makes the call, of a step."""
        run = self._processes
        match step:
            case Open(at=at):
                if not run.is_open:
                    run.serve(at)
            case Close():
                run.close()
            case Kill():
                run.killed()
            case Write() | Tag() | Flush() if run.server is not None:
                with Client(base_url=run.server.url) as client:
                    _call(client, step)
            case Write() | Tag() | Flush():
                return
            case _:
                run.command(*words_of(step))

    def check(self, step: Step, result: Any) -> None:
        """Nothing: a command gives back no more than its exit status."""

    def _settle(self, world: World, names: set[str]) -> None:
        super()._settle(world, names - {world.served})


def words_of(step: Step) -> list[str]:
    """The command line of a step."""
    match step:
        case BackUp(into=into, at=at, previous=previous):
            return ["backup", into, "--data", at, *(["--previous", previous] if previous else [])]
        case Restore(into=into, backup=backup):
            return ["restore", backup, "--into", into]
        case RestoreTo(into=into, at=at, point=point):
            return ["restore", at, "--into", into, *_point(point)]
        case InPlace(at=at, point=point):
            return ["restore", at, "--in-place", *_point(point)]
        case Undo(at=at):
            return ["restore", at, "--undo"]
        case Replay(at=at):
            return ["wal", "replay", "--apply", "--data", at]
        case Export(into=into, at=at):
            return ["wal", "export", into, "--data", at]
        case Import(into=into, file=file):
            return ["wal", "import", file, "--data", into]
    raise AssertionError(f"there is no command for {step}")


def _point(point: Point) -> list[str]:
    if point.lsn is not None:
        return ["--until-lsn", str(point.lsn)]
    return [] if point.tag is None else ["--tag", point.tag]


def _call(client: Client, step: Step) -> None:
    if isinstance(step, Write):
        with contextlib.suppress(Conflict):
            client.create_index(DIM, "l2")
        drawn = vectors(len(step.ids), DIM, step.draw).tolist()
        client.insert_batch((id_, row, {"draw": step.draw}) for id_, row in zip(step.ids, drawn, strict=True))
    elif isinstance(step, Tag):
        client.tag(step.name)
    else:
        client.flush()


def _command(words: tuple[str, ...], folder: str, says: Any) -> None:
    os.chdir(folder)
    told = io.StringIO()
    status = 0
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        try:
            asteroid(list(words))
        except SystemExit as end:
            status = int(end.code or 0)
    says.send(told.getvalue())
    sys.exit(status)
