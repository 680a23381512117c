"""A full disk, at each write of each operation: NoSpace in time, nothing left, and it goes on with room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from asteroid_cloud.indexer import (
    Engine,
    EngineOptions,
    LogRepair,
    Point,
    PointInTimeRestore,
    Reindex,
    Verification,
    acknowledge_losses,
    backup_stopped_store,
    reindex_into,
    restore_backup,
    undo_replacement,
)
from asteroid_cloud.indexer.maintenance import merger, sealer
from asteroid_cloud.wal import AppendFile, LocalFiles, Lsn
from asteroid_cloud.wal.disk.local_files import LocalAppendFile
from asteroid_cloud.wal.errors import Conflict, NoSpace, NotFound
from asteroid_cloud.wal.read import LogReader
from asteroid_cloud.wal.store import enter
from asteroid_cloud.wal.transfer import export_log, import_log
from tests.support.engines import opened, u64, vectors
from tests.support.faulty_files import Fault, FaultyFiles
from tests.support.probe import inside

pytestmark = pytest.mark.anyio
DIM = 4
QUIET = EngineOptions(
    seal_rows=1_000, idle_seal_s=600, idle_flush_s=600, keep_log=True, ef_construction=20, links_max=4
)
POINTS_MAX = 200
WAIT_S_MAX = 20
VERIFIED_EVERY = 5


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "NO_SPACE_RETRY_S", 0.002)
    monkeypatch.setattr(merger, "RETRY_S", 0.002)


async def fill(path: Path) -> None:
    """Two segments with a dead row, a tag, and records that no segment holds."""
    async with opened(path, QUIET) as engine:
        await engine.create_index(DIM, "l2")
        for first in (0, 10):
            ids = u64(*range(first, first + 5))
            await engine.upsert(ids, vectors(5, DIM, first), [b'{"n":1}'] * 5)
            await engine.flush()
        await engine.tag("early")
        await engine.delete(u64(3))
        await engine.upsert(u64(90), vectors(1, DIM), [b'{"n":2}'])


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, a backup, an export, and a store whose log is damaged."""
    place = tmp_path_factory.mktemp("full")
    await fill(place / "store")
    files = LocalFiles()
    backup_stopped_store(files, str(place / "store"), str(place / "backup"))
    export_log(files, str(place / "store" / "wal"), str(place / "export"), None, None)
    async with opened(place / "new", QUIET):
        pass
    shutil.copytree(place / "store", place / "damaged")
    log = max((place / "damaged" / "wal").glob("*.wal"))
    last_but_one = list(LogReader(files, str(log.parent)).frames(Lsn(1)))[-2]
    data = bytearray(log.read_bytes())
    data[last_but_one.end - 1] ^= 1
    log.write_bytes(data)
    shutil.copytree(place / "damaged", place / "lost")
    LogRepair(files, str(place / "lost")).apply()
    shutil.copytree(place / "store", place / "replaced")
    PointInTimeRestore(files, str(place / "replaced")).in_place(Point(lsn=3))
    return place


Online = Callable[[Engine, Path], Awaitable[object]]
Offline = Callable[[FaultyFiles, Path], object]


async def bulk_load(engine: Engine, place: Path) -> None:
    async with engine.bulk() as loader:
        await loader.rows(vectors(50, DIM))
        await loader.payloads(0, [b'{"n":7}'] * 50)
        await loader.commit(1)


async def merge(engine: Engine, place: Path) -> None:
    """All segments with a deleted row, written anew."""
    await inside(engine).merger.rewrite_dead()


async def prepare(engine: Engine, name: str) -> None:
    """What has to be there before the operation."""
    if name == "bulk load":
        await engine.create_index(DIM, "l2")
    if name == "merge":
        await engine.flush()


ONLINE: dict[str, tuple[str, Online]] = {
    "create index": ("new", lambda engine, place: engine.create_index(DIM, "l2")),
    "bulk load": ("new", bulk_load),
    "upsert": ("store", lambda engine, place: engine.upsert(u64(7), vectors(1, DIM), [b'{"n":3}'])),
    "delete": ("store", lambda engine, place: engine.delete(u64(1, 2))),
    "flush": ("store", lambda engine, place: engine.flush()),
    "merge": ("store", merge),
    "tag": ("store", lambda engine, place: engine.tag("late")),
    "purge": ("store", lambda engine, place: engine.purge()),
    "backup": ("store", lambda engine, place: engine.backup(str(place / "target"))),
    "delete index": ("store", lambda engine, place: engine.delete_index()),
}


def restored(**point: object) -> Offline:
    at = Point(**point)  # type: ignore[arg-type]
    return lambda files, place: PointInTimeRestore(files, str(place / "store")).in_place(at)


def undone(files: FaultyFiles, place: Path) -> None:
    with enter(files, str(place / "replaced")) as access:
        undo_replacement(access.files, str(place / "replaced"))


OFFLINE: dict[str, Offline] = {
    "backup": lambda files, place: backup_stopped_store(files, f"{place}/store", f"{place}/target"),
    "restore": lambda files, place: restore_backup(files, f"{place}/backup", f"{place}/target"),
    "restore to a record": lambda files, place: PointInTimeRestore(files, f"{place}/store").to_new(
        f"{place}/target", Point(lsn=3)
    ),
    "restore in place to a record": restored(lsn=3),
    "restore in place to a tag": restored(tag="early"),
    "undo": undone,
    "repair": lambda files, place: LogRepair(files, f"{place}/damaged").apply(),
    "replay --apply": lambda files, place: Reindex(files, f"{place}/store", QUIET).apply(lambda *_: None),
    "replay --into": lambda files, place: reindex_into(
        files, f"{place}/store", f"{place}/target", Point(), QUIET, lambda *_: None
    ),
    "acknowledge": lambda files, place: acknowledge_losses(files, f"{place}/lost", 1),
    "export": lambda files, place: export_log(files, f"{place}/store/wal", f"{place}/target"),
    "import": lambda files, place: import_log(files, f"{place}/export", f"{place}/target"),
}
UNFINISHED = (".new", ".tmp", "INCOMPLETE", "restored", "index.rebuilt")


def unfinished(place: Path) -> list[str]:
    """What an operation may leave nowhere."""
    return [str(path.relative_to(place)) for path in place.rglob("*") if path.name.endswith(UNFINISHED)]


SOURCES = {
    "restore": ("backup",),
    "repair": ("damaged",),
    "undo": ("replaced",),
    "acknowledge": ("lost",),
    "import": ("export",),
}
"""What a command works on, if not the store."""


def copied(place: Path, to: Path, *names: str) -> Path:
    """A folder with copies of some of what there is."""
    to.mkdir()
    for name in names:
        source = place / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, to / name)
    return to


class UnsyncedFile(LocalAppendFile):
    """A file that is not synced: no power goes here."""

    def sync(self) -> None:
        """Nothing."""


class UnsyncedFiles(LocalFiles):
    """This machine's disk, but quick."""

    def create(self, path: str) -> AppendFile:
        """As of LocalFiles."""
        return UnsyncedFile(path, os.O_CREAT | os.O_EXCL)

    def open_append(self, path: str) -> AppendFile:
        """As of LocalFiles."""
        return UnsyncedFile(path, 0)

    def sync_dir(self, path: str) -> None:
        """Nothing."""


def armed(number: int) -> FaultyFiles:
    """A disk that is full from the write of that number on, until it is disarmed."""
    files = FaultyFiles(UnsyncedFiles())
    files.arm(number, Fault.SHORT_NO_SPACE, "create", "write", for_ever=True)
    return files


@pytest.mark.slow_first
@pytest.mark.parametrize("name", ONLINE)
async def test_each_write_of_an_operation_of_a_running_store(name: str, place: Path, tmp_path: Path) -> None:
    store, call = ONLINE[name]
    for number in range(1, POINTS_MAX):
        here = copied(place, tmp_path / str(number), store)
        files = FaultyFiles(UnsyncedFiles())
        async with Engine.open(str(here / store), QUIET, files=files) as engine:
            await engine.ready()
            await prepare(engine, name)
            files.arm(number, Fault.SHORT_NO_SPACE, "create", "write", for_ever=True)
            is_refused = False  # a write in the background may fail, too, beside one that is done
            with anyio.fail_after(WAIT_S_MAX):
                try:
                    await call(engine, here)
                except NoSpace:
                    is_refused = True
                    assert files.failed
                    assert not (here / "target").exists()
                files.disarm()
                if files.failed:
                    await engine.upsert(u64(1000), vectors(1, DIM), None) if engine.spec else None
                if is_refused:
                    await repeated(engine, name, call, here)
            assert engine.failure is None
        assert unfinished(here) == []
        if number % VERIFIED_EVERY == 1:
            assert Verification(LocalFiles(), str(here / store)).run().findings == []
        shutil.rmtree(here)
        if not files.failed:
            assert number > 1, "it writes"
            return
    raise AssertionError("it never came to its end")


async def repeated(engine: Engine, name: str, call: Online, here: Path) -> None:
    """The operation once more; one that had been done all the same may say so."""
    try:
        await call(engine, here)
    except (Conflict, NotFound) as error:
        if error.code not in {"index_already_initialized", "index_not_empty", "tag_exists", "no_tag"}:
            raise


@pytest.mark.slow_first
@pytest.mark.parametrize("name", OFFLINE)
async def test_each_write_of_a_command(name: str, place: Path, tmp_path: Path) -> None:
    call = OFFLINE[name]
    for number in range(1, POINTS_MAX):
        here = copied(place, tmp_path / str(number), *SOURCES.get(name, ("store",)))
        files = armed(number)
        try:
            await to_thread.run_sync(call, files, here)
        except NoSpace:
            assert files.failed
            assert unfinished(here) == []
            assert not (here / "target").exists()
            files.disarm()
            await to_thread.run_sync(call, files, here)
        assert unfinished(here) == []
        shutil.rmtree(here)
        if not files.failed:
            assert number > 1, "it writes"
            return
    raise AssertionError("it never came to its end")
