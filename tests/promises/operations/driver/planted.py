"""Bugs to plant. Each is one that operating version 0.1.0 showed, and the driver must find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import pytest

from asteroid_cloud.indexer.backup import point_in_time, restore, restore_base
from asteroid_cloud.indexer.recovery import log_repair
from asteroid_cloud.indexer.reindex import reindex
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.store import access
from asteroid_cloud.wal.transfer import log_copy
from asteroid_cloud.wal.transfer.new_history import NewHistory

Patch = pytest.MonkeyPatch


def give_numbers_out_twice(patch: Patch) -> None:
    """A store that goes back in time goes on with the next LSN, which was given out before (row 3)."""
    start = NewHistory.start

    def start_right_behind(self: NewHistory, identity: bytes, branched_at: Lsn, last_ms: int) -> Any:
        near = msgspec.structs.replace(self, began_at=Lsn(branched_at + 1))
        return start(near, identity, branched_at, last_ms)

    patch.setattr(NewHistory, "start", start_right_behind)


def take_any_time(patch: Patch) -> None:
    """A restore to a time that nothing is known of succeeds, with an older state (row 4)."""
    for module in (log_copy, restore_base):
        patch.setattr(module, "check_known", lambda time_ms, known_until_ms: None)


def leave_half_a_folder(patch: Patch) -> None:
    """A restore that fails leaves what it has made, and nothing says that it is half of it (row 7)."""

    @contextmanager
    def new_folder(files: Files, folder: str, **_: str) -> Iterator[Files]:
        files.make_dirs(folder)
        yield files

    for module in (restore, point_in_time):
        patch.setattr(module, "new_folder", new_folder)


def record_no_loss(patch: Patch) -> None:
    """A repair of the log gives records up, and records it nowhere (row 8)."""
    patch.setattr(log_repair, "record_loss", lambda files, layout, loss: None)


def pass_by_what_was_interrupted(patch: Patch) -> None:
    """Commands neither finish what was interrupted in a store nor refuse it; a start does (row 25)."""

    def enter_as_it_is(files: Files, folder: str) -> access.StoreAccess:
        with pytest.MonkeyPatch.context() as here:
            here.setattr(access, "finish_interrupted", lambda files, layout: [])
            return access.enter(files, folder)

    patch.setattr(access, "is_interrupted", lambda files, layout: False)
    for module in (log_repair, point_in_time, reindex):
        patch.setattr(module, "enter", enter_as_it_is)


class Planted(NamedTuple):
    """A bug, and words of which the driver says one when it has found it."""

    plant: Callable[[Patch], None]
    words: tuple[str, ...]


ALL = (
    Planted(give_numbers_out_twice, ("was given out", "it goes on from record None")),
    Planted(take_any_time, ("instead of bad_point",)),
    Planted(leave_half_a_folder, ("is taken for a store", "is there: ")),
    Planted(record_no_loss, ("goes on with LSN", "something is lost: False", "it holds")),
    Planted(
        pass_by_what_was_interrupted,
        ("was given out", "verify says", "it holds", "the log has a gap", "there is no log"),
    ),
)
