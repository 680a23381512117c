"""Bugs to plant, which the driver must find: those that operating version 0.1.0 showed, and of newer writes.

Some show only after steps that seldom come together. Histories lean to these then; the same model judges what
they show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import pytest

from asteroid_cloud.api.service.read_executor import ReadExecutor
from asteroid_cloud.api.service.writing.mixed_writes import write_mixed
from asteroid_cloud.indexer import Engine, Mixed, Point, Upserts, WriteResult
from asteroid_cloud.indexer.backup import earlier, point_in_time, restore, restore_base
from asteroid_cloud.indexer.backup.copying import Copying
from asteroid_cloud.indexer.backup.file_list import ListedFile
from asteroid_cloud.indexer.backup.source import FileToCopy
from asteroid_cloud.indexer.decide.stored import Stored as DecidedOn
from asteroid_cloud.indexer.model.ids import StringIds
from asteroid_cloud.indexer.recovery import log_repair
from asteroid_cloud.indexer.reindex import reindex
from asteroid_cloud.indexer.state import rows_written
from asteroid_cloud.query import Filter
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.store import FolderKind, access, kind_of
from asteroid_cloud.wal.transfer import log_copy
from asteroid_cloud.wal.transfer.new_history import NewHistory
from tests.promises.operations.driver.choices import Choices
from tests.promises.operations.driver.kinds import Kind, write_each_step, write_mixed_step
from tests.promises.operations.driver.model import Backup, World
from tests.promises.operations.driver.steps import changes, deciding
from tests.promises.operations.driver.steps.changes import InPlace
from tests.promises.operations.driver.steps.copies import BackUp
from tests.promises.operations.driver.steps.harm import RotBackup
from tests.promises.operations.driver.steps.serving import Close, Open
from tests.promises.operations.driver.steps.step import Step
from tests.promises.operations.driver.steps.writing import Flush, Write

Patch = pytest.MonkeyPatch
FREE = (FolderKind.ABSENT, FolderKind.EMPTY, FolderKind.INCOMPLETE)
"""What a new folder may be made of."""
RENAMES_MAX = 12
"""A restore in place renames less often."""
NAME_CUT = 20


def give_numbers_out_twice(patch: Patch) -> None:
    """A store that goes back in time goes on with the next LSN, which was given out before (row 3)."""
    start = NewHistory.start

    def start_right_behind(self: NewHistory, identity: bytes, branched_at: Lsn, *rest: Any) -> Any:
        near = msgspec.structs.replace(self, began_at=Lsn(branched_at + 1))
        return start(near, identity, branched_at, *rest)

    patch.setattr(NewHistory, "start", start_right_behind)


def take_any_time(patch: Patch) -> None:
    """A restore to a time that nothing is known of succeeds, with an older state (row 4)."""
    for module in (log_copy, restore_base):
        patch.setattr(module, "check_known", lambda time_ms, known_until_ms: None)


def leave_half_a_folder(patch: Patch) -> None:
    """A restore that fails leaves what it has made, and nothing says that it is half of it (row 7)."""

    @contextmanager
    def new_folder(files: Files, folder: str, *, taken: str = "not_empty") -> Iterator[Files]:
        if kind_of(files, folder) not in FREE:
            raise Conflict(f"{folder} is not empty", code=taken)
        files.make_dirs(folder)
        yield files

    for module in (restore, point_in_time):
        patch.setattr(module, "new_folder", new_folder)


def record_no_loss(patch: Patch) -> None:
    """A repair of the log gives records up, and records it nowhere (row 8)."""
    patch.setattr(log_repair, "record_loss", lambda files, layout, loss: None)


def fail_with_the_earlier_backup(patch: Patch) -> None:
    """A damaged file of the earlier backup is linked, and the backup fails over it (row 6)."""
    take = Copying._take

    def take_checked(self: Copying, source: FileToCopy) -> list[ListedFile]:
        return take(self, source) or [self.listed[source.path]]

    patch.setattr(earlier, "check_file", lambda files, folder, listed: None)
    patch.setattr(Copying, "_take", take_checked)


def pass_by_what_was_interrupted(patch: Patch) -> None:
    """Commands neither finish what was interrupted in a store nor refuse it; a start does (row 25)."""

    def enter_as_it_is(files: Files, folder: str) -> access.StoreAccess:
        with pytest.MonkeyPatch.context() as here:
            here.setattr(access, "finish_interrupted", lambda files, layout: [])
            return access.enter(files, folder)

    patch.setattr(access, "is_interrupted", lambda files, layout: False)
    for module in (log_repair, point_in_time, reindex, changes):
        patch.setattr(module, "enter", enter_as_it_is)


def interrupt(draw: Choices, world: World) -> Step:
    """A restore in place that is killed between its renames."""
    if world.served:
        return draw.one_of((Write(ids=draw.ids(), draw=draw.rows(), vector=draw.vector), Flush(), Close()))
    cut = draw.random.randrange(RENAMES_MAX)
    return InPlace(at=draw.store(world), point=Point(), cut=cut, counted="renames")


def damage_the_earlier_backup(draw: Choices, world: World) -> Step:
    """A backup of a store with a segment, which is damaged then, and one that links to it."""
    backups = {name: found for name, found in world.folders.items() if isinstance(found, Backup)}
    damaged = [name for name, found in backups.items() if found.is_damaged]
    if damaged:
        at = world.served or draw.store(world)
        return BackUp(into=draw.new_backup(world), at=at, previous=draw.one_of(damaged))
    if backups:
        return RotBackup(at=draw.backup(world), which=draw.file_number())
    if not world.served:
        return Open(at=draw.store(world))
    if not world.open_store().now.rows:
        return Write(ids=draw.ids(), draw=draw.rows(), vector=draw.vector)
    return draw.one_of((Flush(), BackUp(into=draw.new_backup(world), at=world.served)))


def apply_half_of_a_mixed_write(patch: Patch) -> None:
    """Of the rows of a record of many kinds of changes only the first half is changed."""
    changed = rows_written.changed_rows

    def half(*args: Any) -> Any:
        found = changed(*args)
        kept = list(found.rows.items())[: (len(found.rows) + 1) // 2]
        return replace(found, rows=dict(kept))

    patch.setattr(rows_written, "changed_rows", half)


def forget_the_item_before(patch: Patch) -> None:
    """An item does not see that another one of the same write has written its id."""
    patch.setattr(DecidedOn, "wrote", lambda self, id_: None)


def delete_what_matches_last(patch: Patch) -> None:
    """What the filters of a mixed write match is found and deleted after the rest of it."""

    async def in_another_order(
        engine: Engine, reads: ReadExecutor, mixed: Mixed, filters: Sequence[Filter]
    ) -> WriteResult:
        done = await write_mixed(engine, reads, mixed, [])
        if not filters:
            return done
        none = mixed.deletes[:0]
        rest = Mixed(none, Upserts(none, mixed.upserts.vectors[:0]))
        return await write_mixed(engine, reads, rest, filters)

    patch.setattr(deciding, "write_mixed", in_another_order)


def cut_long_names(patch: Patch) -> None:
    """A record holds no more than some characters of an id that is a string."""
    patch.setattr(StringIds, "pack", lambda self, ids: [name[:NAME_CUT] for name in ids.tolist()])


def mix(draw: Choices, world: World) -> Step:
    """Writes and mixed writes, of which some are about the same rows."""
    if not world.served:
        return Open(at=draw.store(world))
    if not world.open_store().now.rows:
        return Write(ids=draw.ids(), draw=draw.rows(), vector=draw.vector)
    return draw.one_of((write_mixed_step(draw, world), write_each_step(draw, world)))


class Planted(NamedTuple):
    """A bug, and words of which the driver says one when it has found it."""

    plant: Callable[[Patch], None]
    words: tuple[str, ...]
    lean_to: Kind | None = None
    """Draws more of the steps that it needs."""


ALL = (
    Planted(give_numbers_out_twice, ("was given out", "it goes on from record None")),
    Planted(take_any_time, ("instead of bad_point",)),
    Planted(fail_with_the_earlier_backup, ("it is corruption, not done",), damage_the_earlier_backup),
    Planted(leave_half_a_folder, ("is taken for a store", "is there: ")),
    Planted(record_no_loss, ("goes on with LSN", "something is lost: False", "it holds")),
    Planted(
        pass_by_what_was_interrupted,
        (
            "was given out",
            "verify says",
            "it holds",
            "the log has a gap",
            "there is no log",
            "nothing can be kept",
            "the live index is damaged",
        ),
        interrupt,
    ),
    Planted(apply_half_of_a_mixed_write, ("it holds",), mix),
    Planted(forget_the_item_before, ("it holds", "it is done, instead of"), mix),
    Planted(delete_what_matches_last, ("it holds", "it got LSN", "it is done, instead of"), mix),
    Planted(cut_long_names, ("it holds", "it is storage_error"), mix),
)
