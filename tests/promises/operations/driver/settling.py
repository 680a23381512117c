"""Compares what lies on the disk with the model, and takes over from it what the model cannot know."""

from __future__ import annotations

from asteroid_cloud.wal.store import FolderKind, kind_of
from tests.promises.operations.driver.model import Backup, Exported, Store, Unfinished, World
from tests.promises.operations.driver.real import Real, Seen
from tests.promises.operations.driver.steps.step import must

NOTHING = (FolderKind.ABSENT, FolderKind.EMPTY)
NOT_WHOLE = (*NOTHING, FolderKind.INCOMPLETE)


def settle_folder(world: World, name: str, real: Real) -> None:
    """Raises Wrong unless a folder is as it must be."""
    found, disk = world.folders.get(name), real.disk
    if found is None:
        is_there = name in disk.contents or kind_of(disk, name) not in NOTHING
        must(not is_there, f"{name} is there: {sorted(disk.tree(name))}")
    elif isinstance(found, Unfinished):
        must(name not in disk.contents, f"{name} is there")
        kind = kind_of(disk, name)
        must(kind in NOT_WHOLE, f"{name} is taken for {kind.value}: {sorted(disk.tree(name))}")
        if kind is not FolderKind.INCOMPLETE:
            del world.folders[name]
    elif isinstance(found, Exported):
        must(disk.exists(name), f"{name} is not there")
    elif isinstance(found, Backup):
        must(kind_of(disk, name) is FolderKind.BACKUP, f"{name} is no backup")
    elif world.served == name:
        settle(found, real.look_inside(), world.now_ms)
    else:
        seen = real.look(name)
        settle(found, seen, world.now_ms)
        is_known = seen.log_is_damaged == ("log" in found.damages)
        must(is_known, f"its log is damaged: {seen.log_is_damaged}")


def settle(store: Store, seen: Seen, now_ms: int) -> None:
    """Raises Wrong unless a store is as it must be; takes over the number of a new history, and a loss.

    A damaged store does not open, or opens as what it must be.
    """
    does_open = not seen.code
    must(does_open or (bool(store.damages) and seen.code == "corruption"), f"it does not open: {seen.code}")
    if store.is_repaired and does_open:
        _settle_repair(store, seen)
    if store.begins_history:
        highest = max(store.given_out, default=0)
        must(seen.lsn > highest, f"it goes on with LSN {seen.lsn}, though {highest} was given out")
        store.take(seen.lsn, store.now, now_ms)
        store.begins_history = False
    must(seen.is_lossy == (store.loss == "open"), f"it says that something is lost: {seen.is_lossy}")
    if does_open and not (store.damages and seen.is_lossy):  # such a look gives up what is damaged
        must(seen.contents == store.contents(), f"it holds {seen.contents}, not {store.contents()}")
        must(seen.lsn == store.lsn, f"its newest record is {seen.lsn}, not {store.lsn}")


def _settle_repair(store: Store, seen: Seen) -> None:
    """What a repair left has to be what the store held once; if that is not the newest, it must say so."""
    store.is_repaired = False
    # The newest state may be like an earlier one: where something is said to be lost, it is the earlier one.
    may_be = [lsn for lsn in store.states if lsn < store.lsn or not seen.is_lossy]
    kept = [lsn for lsn in may_be if _at(store, lsn) == seen.contents]
    must(bool(kept), f"after the repair it holds {seen.contents}, which it never held")
    is_spared = max(kept) + 1 >= store.damaged_from
    must(is_spared, f"the repair has kept records up to {max(kept)}; whole ones were behind that")
    if max(kept) < store.lsn:
        store.lost_from, store.loss = max(kept) + 1, "open"
        store.states = {lsn: state for lsn, state in store.states.items() if lsn <= max(kept)}
        store.times = {lsn: time for lsn, time in store.times.items() if lsn <= max(kept)}
        store.begins_history = True
    store.keeps_all = False


def _at(store: Store, lsn: int) -> object:
    past = store.copy()
    past.states = {at: state for at, state in store.states.items() if at <= lsn}
    return past.contents() if all(at in past.states for at in past.tags.values()) else None
