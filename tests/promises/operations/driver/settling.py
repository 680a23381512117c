"""Compares what lies on the disk with the model, and takes over from it what the model cannot know."""

from __future__ import annotations

from asteroid_cloud.wal.store import FolderKind, kind_of
from tests.promises.operations.driver.looking import Inside, Seen, index_is_damaged
from tests.promises.operations.driver.model import Backup, Exported, Store, Unfinished, World
from tests.promises.operations.driver.real import Real
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
        if found.is_salvaged:  # the look that follows would give up on a copy what is damaged
            must(not index_is_damaged(real.disk.copy_of(name), name), "its index is still damaged")
        seen = real.look(name)
        settle(found, seen, world.now_ms)
        is_damaged = seen.outside.log_is_damaged
        if found.may_be_trimmed and not is_damaged:
            found.damages -= {"log"}
        found.may_be_trimmed = False
        must(is_damaged == ("log" in found.damages), f"its log is damaged: {is_damaged}")


def settle(store: Store, seen: Seen, now_ms: int) -> None:
    """Raises Wrong unless a store is as it must be; takes over the number of a new history, and a loss.

    A damaged store does not open, or opens as what it must be.
    """
    inside, is_lossy = seen.inside, seen.outside.is_lossy
    is_excused = bool(store.damages) and seen.code == "corruption"
    must(inside is not None or is_excused, f"it does not open: {seen.code}")
    if inside is not None:
        if store.is_repaired:
            _settle_repair(store, inside, seen.outside.branched_at)
        if store.is_salvaged:
            _settle_salvage(store, inside, is_lossy=is_lossy)
        store.miss(inside.ids)
    if store.begins_history:
        _begin_history(store, seen, now_ms)
    replaced = seen.outside.replaced
    must(replaced == len(store.replaced), f"{replaced} states can be brought back, not {len(store.replaced)}")
    must(is_lossy == (store.loss == "open"), f"it says that something is lost: {is_lossy}")
    if inside is not None and not (store.damages and is_lossy):  # such a look gives up what is damaged
        must(inside.contents == store.contents(), f"it holds {inside.contents}, not {store.contents()}")
        must(inside.lsn == store.lsn, f"its newest record is {inside.lsn}, not {store.lsn}")


def _begin_history(store: Store, seen: Seen, now_ms: int) -> None:
    """A new history goes on from where it must, with numbers that were never given out."""
    began_at = seen.inside.lsn if seen.inside else seen.outside.last_lsn
    highest, branched_at = max(store.given_out, default=0), seen.outside.branched_at
    must(began_at > highest, f"it goes on with LSN {began_at}, though {highest} was given out")
    # An undo that was killed may have begun one already, which nobody has seen.
    is_unseen = branched_at is not None and branched_at > store.lsn and branched_at not in store.given_out
    is_right = branched_at == store.lsn or is_unseen
    must(is_right, f"it goes on from record {branched_at}, not {store.lsn}")
    store.take(began_at, store.states[store.lsn], now_ms)
    store.begins_history = False


def _settle_repair(store: Store, inside: Inside, branched_at: int | None) -> None:
    """A repair keeps all, or all up to a record; then a new history goes on from that, and it says so."""
    store.is_repaired, store.keeps_all = False, False
    if inside.lsn == store.lsn:
        return
    must(branched_at in store.states, f"the repair has kept records up to {branched_at}, which never was")
    assert branched_at is not None
    whole = [lsn for lsn in store.states if branched_at < lsn < store.damaged_from]
    must(not whole, f"the repair has kept records up to {branched_at}; {whole} were whole")
    store.lose(branched_at + 1)
    store.states = {lsn: state for lsn, state in store.states.items() if lsn <= branched_at}
    store.times = {lsn: time for lsn, time in store.times.items() if lsn <= branched_at}
    store.begins_history = True


def _settle_salvage(store: Store, inside: Inside, *, is_lossy: bool) -> None:
    """Rows of a segment that was given up are gone, and the store says so, or its operator knows already."""
    store.is_salvaged, store.doubtful_rows = False, store.all_rows
    missing = store.miss(inside.ids)
    is_told = is_lossy or store.loss == "acknowledged"
    must(is_told or not missing, f"rows are gone, and it does not say so: {missing}")
    store.doubtful_rows -= missing | {(id_, text) for id_, (_, text) in (store.now.rows or {}).items()}
    if is_told:
        store.lose(0, is_open=is_lossy)
