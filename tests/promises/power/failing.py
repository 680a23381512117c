"""The same run on a disk that fails at one operation, or at every operation from one on.

Callers go on after a failure. What they were told stays true: now, after a restart, and after a power cut
that loses everything that was not synced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio

from asteroid_cloud.indexer import Engine
from asteroid_cloud.wal.errors import AsteroidError, Conflict, InvalidRequest, NoSpace, NotFound, StorageError
from tests.promises.power.check import ROOT, Opener, Violation, contents_of, repeatable
from tests.promises.power.images import Images
from tests.promises.power.recording import RecordingFiles
from tests.promises.power.script import OPTIONS, Call, Script
from tests.promises.power.stored import DIM, Contents, Stored
from tests.support.engines import keys, vectors
from tests.support.faulty_files import Fault, FaultyFiles
from tests.support.seeded_loop import run_seeded, threads_in_place

REFUSED = (Conflict, InvalidRequest, NoSpace, NotFound)
"""Errors that promise that nothing was changed. After any other error it may or may not have been."""
CALL_S, ROOM_S = 3.0, 100.0
SUBSETS = 6
STEPS = 8


class Failing(FaultyFiles):
    """Notes each failure in the list of what callers were told."""

    def __init__(self, inner: RecordingFiles) -> None:
        super().__init__(inner)
        self.log_sync_failed = False

    @property
    def is_full(self) -> bool:
        """Whether the fault is a full disk."""
        return self._fault in (Fault.NO_SPACE, Fault.SHORT_NO_SPACE)

    def _fail(self, kind: str, path: str, write_part: Callable[[int], None] | None) -> None:
        if kind in ("sync", "sync_dir") and "/wal" in path:
            self.log_sync_failed = True
        super()._fail(kind, path, write_part)


class Callers:
    """Makes the calls of a script one after the other, whether they succeed or not."""

    def __init__(self, script: Script, files: Failing) -> None:
        self.choices = [Stored(None)]
        """What the store may hold. Each call of unknown outcome doubles the number of choices."""
        self.errors: list[AsteroidError] = []
        self._script = script
        self._files = files

    async def run(self, engine: Engine) -> None:
        """Makes them all. A flush waits while the disk is full, so it is given up after a while."""
        for step in self._script.steps:
            for call in step:
                with anyio.move_on_after(CALL_S):
                    await self._make(call, engine)

    async def _make(self, call: Call, engine: Engine) -> None:
        too_late = self._files.log_sync_failed
        try:
            await call.do(engine)
        except REFUSED as error:
            self.errors.append(error)
        except AsteroidError as error:
            if self._files.is_full:
                raise Violation(f"a full disk was no NoSpace to call {call.number}: {error!r}") from error
            self.errors.append(error)
            if not too_late:
                self.choices += [call.change(choice) for choice in self.choices]
        else:
            if too_late and call.is_write:
                raise Violation(f"call {call.number} was acknowledged after a failed sync of the log")
            self.choices = [call.change(choice) for choice in self.choices]

    def check(self, found: Contents, when: str) -> None:
        """Raises Violation unless what is found is one of the choices."""
        allowed = {choice.contents() for choice in self.choices}
        if found not in allowed:
            raise Violation(f"{when}: {found}, not one of {sorted(allowed)}")


async def _run(callers: Callers, files: Failing, number: int, arm: Callable[[int], None]) -> None:
    async with Engine.open(ROOT, OPTIONS, files=files) as engine:
        await engine.ready()
        arm(number)
        await callers.run(engine)
        files.disarm()
        if engine.failure is not None and files.is_full:
            raise Violation(f"a full disk stopped the store: {engine.failure!r}")
        if engine.failure is not None:
            engine.snapshot() if engine.spec else None  # reads go on
            return
        callers.check(contents_of(engine), "while it runs")
        if any(isinstance(error, NoSpace) for error in callers.errors):
            await _has_room_again(callers, engine)


async def _has_room_again(callers: Callers, engine: Engine) -> None:
    """Without a restart, writes are accepted again and waiting rows are sealed."""
    row, text = vectors(1, DIM), b'{"room":1}'
    if engine.spec is None:
        await engine.create_index(DIM, "l2")
        callers.choices = [Stored({})]
    id_ = "room" if engine.snapshot().spec.has_string_ids else 10**6
    await engine.upsert(keys([id_]), row, [text])
    callers.choices = [choice.with_rows({id_: (row.tobytes(), text)}) for choice in callers.choices]
    with anyio.fail_after(ROOM_S):
        await engine.flush()
    callers.check(contents_of(engine), "once there is room again")


async def _after(callers: Callers, recorded: RecordingFiles, seed: int) -> None:
    images, opener = Images(recorded.ops, {}, seed, SUBSETS), Opener()
    for cut, key in images.last():
        when = f"after a power cut that left {cut.kept}"
        try:
            found = await opener.contents(key, images.image)
        except AsteroidError as error:
            raise Violation(f"{when}: {error}") from error
        callers.check(found, when)


def fail_at(number: int, fault: Fault, *kinds: str, for_ever: bool = False, seed: int = 1) -> bool:
    """Fails operation ``number`` of a run; False when the run has fewer. Raises Violation."""
    recorded, script = RecordingFiles(), Script(seed, STEPS, with_history=False)
    files = Failing(recorded)
    callers = Callers(script, files)

    def arm(at: int) -> None:
        files.arm(at, fault, *kinds, for_ever=for_ever)

    with repeatable(seed):
        try:
            run_seeded(seed, lambda: _run(callers, files, number, arm))
        except (StorageError, ExceptionGroup) as error:
            raise Violation(f"operation {number}, {fault.name}: {error!r}") from error
        if files.failed:
            with threads_in_place():
                asyncio.run(_after(callers, recorded, seed))
    return files.failed > 0
