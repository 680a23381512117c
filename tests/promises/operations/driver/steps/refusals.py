"""Which refusals are right: because of what a folder is, its state, or a point out of reach."""

from __future__ import annotations

from asteroid_cloud.indexer import Point
from tests.promises.operations.driver.model import Backup, Exported, Folder, Store, Unfinished, World
from tests.promises.operations.driver.steps.step import DONE, JUST_DONE, Codes, Step

NOT_FOUND = frozenset({"not_found", "no_backup"})
DAMAGED = frozenset({"corruption", "log_pruned", "bad_point"})
"""A damaged log may be named as damaged, or as one that does not reach so far."""


def source(world: World, name: str, *, is_locked: bool = True, backups: bool = False) -> Codes:
    """Why a folder is refused as the source of a command; empty if it is not."""
    found = world.folders.get(name)
    if found is None or isinstance(found, Exported):
        return NOT_FOUND
    if isinstance(found, Unfinished):
        return NOT_FOUND | {"incomplete"}
    if isinstance(found, Backup):
        return frozenset() if backups else frozenset({"is_backup"})
    return frozenset({"lock_held"}) if is_locked and world.served == name else frozenset()


def excused(step: Step, world: World) -> Codes:
    """Refusals that are right, whatever the step is, because of the state of what it names."""
    codes: Codes = frozenset()
    for folder in filter(None, map(world.folders.get, step.names(world))):
        if step.stops_at_damage and is_damaged(folder):
            codes |= DAMAGED
        if isinstance(folder, Store) and folder.may_be_interrupted:
            codes |= {"interrupted"}
        if isinstance(folder, Store) and folder.may_be_bare:
            codes |= {"not_found", "not_empty", "corruption"}
    return codes


def is_damaged(folder: Folder) -> bool:
    """Whether bytes of a store or a backup are not as they were written."""
    return (
        bool(folder.damages)
        if isinstance(folder, Store)
        else isinstance(folder, Backup) and folder.is_damaged
    )


def is_free(world: World, name: str) -> bool:
    """Whether a new folder of that name can be made."""
    return isinstance(world.folders.get(name), Unfinished | None)


def reached(store: Store, point: Point, known_until_ms: int) -> tuple[Codes, int]:
    """What a restore to a point may answer, and the record that it reaches."""
    pruned: Codes = frozenset() if store.keeps_all else frozenset({"log_pruned"})
    if point.tag is not None:
        return (JUST_DONE, store.tags[point.tag]) if point.tag in store.tags else (frozenset({"no_tag"}), 0)
    if point.time_ms is not None:
        if point.time_ms > known_until_ms:  # which the whole log may be, if the clock was set back
            return pruned | {"bad_point"}, 0
        before = [lsn for lsn, time_ms in store.times.items() if time_ms <= point.time_ms]
        return (pruned | {DONE}, max(before)) if before else (pruned | {"bad_point"}, 0)
    if point.lsn is not None:
        if point.lsn in store.states:
            return pruned | {DONE}, point.lsn
        refused = {"bad_point"} if point.lsn > store.lsn else {"other_history"}
        return pruned | refused, 0
    return JUST_DONE, store.lsn
