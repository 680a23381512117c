"""Swapping a restored state in: it takes the place of the one it came from, so that it can be undone.

    restored/{index,wal,tags}    what is to be swapped in; complete once restored/READY is there
    replaced.N/{index,wal,tags}  what was in place before; undo brings back the highest N

Each step can be repeated after a crash: ``finish_swap`` goes on wherever it stopped, and whoever enters a
store does so first.
"""

from __future__ import annotations

from contextlib import suppress

from asteroid_cloud.indexer.history.given_out import highest_given_out, store_name
from asteroid_cloud.wal.disk import (
    CollectionLayout,
    Files,
    StoreLayout,
    name_of,
    remove_tree,
    replaced_states,
    write_atomic,
)
from asteroid_cloud.wal.errors import NotFound, StorageError
from asteroid_cloud.wal.read import LogReader
from asteroid_cloud.wal.store import finish_swap
from asteroid_cloud.wal.transfer import begin_history


def clear_restored(files: Files, layout: CollectionLayout) -> CollectionLayout:
    """Removes what an earlier attempt left of a restored state; where the next one is to be built."""
    restored = layout.restored
    if files.exists(restored.folder):
        remove_tree(files, restored.folder)
    return restored


def swap_in(files: Files, layout: CollectionLayout) -> str:
    """Puts the restored state in place; the name of the folder that has what it replaced.

    Raises NoSpace and StorageError; the restored state is gone then, or is put in place by the next start.
    """
    number = 1 + max(_replaced_numbers(files, layout), default=0)
    try:
        _mark_ready(files, layout.restored, number)
    except StorageError:
        with suppress(StorageError):  # it takes up room; once it is marked, the next start puts it in place
            if not files.exists(layout.restored.ready):
                remove_tree(files, layout.restored.folder)
        raise
    finish_swap(files, layout)
    return name_of(layout.replaced(number).folder)


def undo_replacement(files: Files, store: str) -> str:
    """Brings back what the last restore in place has replaced; the folder's name of what this replaces.

    What comes back goes on in a new history, above that of what it replaces. The caller holds the lock of the
    store. Raises NotFound ``nothing_to_undo``, and CorruptionError when the log of what would come back is
    damaged: it can be repaired where it lies.
    """
    layout = StoreLayout(store).collection()
    numbers = _replaced_numbers(files, layout)
    if not numbers:
        raise NotFound(f"nothing was ever replaced in {store}", code="nothing_to_undo")
    newest = max(numbers)
    _go_on_in_a_new_history(files, layout, layout.replaced(newest))
    clear_restored(files, layout)
    _mark_ready(files, layout.replaced(newest), newest + 1)
    files.rename(layout.replaced(newest).folder, layout.restored.folder)
    files.sync_dir(layout.folder)
    finish_swap(files, layout)
    return name_of(layout.replaced(newest + 1).folder)


def _go_on_in_a_new_history(files: Files, layout: CollectionLayout, state: CollectionLayout) -> None:
    highest, epoch = highest_given_out(files, layout)
    name = store_name(files, layout, LogReader(files, state.log).identity)
    begin_history(files, state.log, name, highest, epoch)


def _mark_ready(files: Files, state: CollectionLayout, number: int) -> None:
    """Says that a state is complete, and where to put what it replaces."""
    for part in state.parts:
        files.make_dirs(part)
    write_atomic(files, state.ready, str(number).encode())


def _replaced_numbers(files: Files, layout: CollectionLayout) -> list[int]:
    return replaced_states(files.list(layout.folder))
