"""Putting another state, or another index, in the place of what a store has, so that a crash can be finished.

    restored/{index,wal,tags}    a state that is to be swapped in; complete once restored/READY is there
    replaced.N/{index,wal,tags}  what was in place before
    index.rebuilt/               an index that is to be swapped in, once index.rebuilt/READY is there
    index.broken.N/              what was in place before

READY has the number N. Each step can be repeated: whoever enters a store first goes on wherever a crash has
stopped a swap.
"""

from __future__ import annotations

from asteroid_cloud.wal.disk.atomic_write import write_atomic
from asteroid_cloud.wal.disk.contents import read_small
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.disk.layout import READY, CollectionLayout, broken_indexes, name_of
from asteroid_cloud.wal.disk.remove_tree import remove_tree
from asteroid_cloud.wal.errors import CorruptionError

READY_BYTES_MAX = 32


def is_interrupted(files: Files, layout: CollectionLayout) -> bool:
    """Whether a swap has begun and has not ended; what is in place may then be parts of two states."""
    return files.exists(layout.restored.ready) or files.exists(layout.rebuilt_ready)


def finish_interrupted(files: Files, layout: CollectionLayout) -> list[str]:
    """Finishes what a crash has stopped; what that was. What was never complete is removed.

    Raises CorruptionError, StorageError.
    """
    swaps = {"a restore in place": finish_swap, "a reindex": _finish_index}
    finished = [what for what, finish in swaps.items() if finish(files, layout)]
    remove_unready(files, layout)
    return finished


def remove_unready(files: Files, layout: CollectionLayout) -> None:
    """Removes what was to be swapped in and was never complete; the next attempt begins anew."""
    for left in (layout.restored.folder, layout.rebuilt_index):
        if files.exists(left):
            remove_tree(files, left)


def finish_swap(files: Files, layout: CollectionLayout) -> bool:
    """Completes the swap of a whole state that was begun, if one was; whether there was one."""
    restored = layout.restored
    if not files.exists(restored.ready):
        return False
    replaced = layout.replaced(_number(files, restored.ready))
    files.make_dirs(replaced.folder)
    for new, place, old in zip(restored.parts, layout.parts, replaced.parts, strict=True):
        if files.exists(new):
            if files.exists(place) and not files.exists(old):
                files.rename(place, old)
                files.sync_dir(replaced.folder)
            files.rename(new, place)
            files.sync_dir(layout.folder)
    files.remove(restored.ready)
    files.remove_dir(restored.folder)
    files.sync_dir(layout.folder)
    return True


def replace_index(files: Files, layout: CollectionLayout) -> str | None:
    """Puts the finished index in ``rebuilt_index`` in place; the name that the old one, if any, has now."""
    number = 1 + max(broken_indexes(files.list(layout.folder)), default=0)
    has_old = files.exists(layout.index)
    write_atomic(files, layout.rebuilt_ready, str(number).encode())
    _finish_index(files, layout)
    return name_of(layout.broken_index(number)) if has_old else None


def _finish_index(files: Files, layout: CollectionLayout) -> bool:
    is_begun = files.exists(layout.rebuilt_ready)
    if is_begun:
        old = layout.broken_index(_number(files, layout.rebuilt_ready))
        if files.exists(layout.index) and not files.exists(old):
            files.rename(layout.index, old)
            files.sync_dir(layout.folder)
        files.rename(layout.rebuilt_index, layout.index)
        files.sync_dir(layout.folder)
    ready = f"{layout.index}/{READY}"
    if files.exists(ready):
        files.remove(ready)
        files.sync_dir(layout.index)
    return is_begun


def _number(files: Files, ready: str) -> int:
    text = read_small(files, ready, READY_BYTES_MAX)
    if not text.isdigit():
        raise CorruptionError(ready, 0, "it does not say where to put what is to be replaced")
    return int(text)
