"""Putting a restored store in the place of the one it came from, so that it can be undone.

    restored/{index,wal,tags}    what is to be put in place; complete once restored/READY is there
    replaced.N/{index,wal,tags}  what was in place before; the highest N is what an undo brings back

Each step can be done again after a crash: ``finish`` goes on wherever it stopped, and opening a store does
so first.
"""

from __future__ import annotations

import re

from asteroid_cloud.indexer.history.purge import remove_whole
from asteroid_cloud.indexer.history.tags import FOLDER as TAGS
from asteroid_cloud.indexer.history.tags import UNREADABLE, keep_tagged, read_tag, tag_names
from asteroid_cloud.wal.disk import Files, write_atomic
from asteroid_cloud.wal.errors import CorruptionError, NotFound

BUILD = "restored"
READY = "READY"
REPLACED = re.compile(r"replaced\.(\d+)")
PARTS = ("index", "wal", TAGS)
READY_BYTES_MAX = 32


def prepare(files: Files, store: str) -> str:
    """An empty place to restore to, whatever an earlier attempt left there; its path."""
    build = f"{store}/{BUILD}"
    if files.exists(build):
        remove_whole(files, build)
    return build


def take_tags(files: Files, store: str, build: str, lsn: int) -> None:
    """Puts the store's tags up to ``lsn`` beside what was restored; later ones belong to what is left."""
    files.make_dirs(f"{build}/{TAGS}")
    kept = []
    for name in tag_names(files, store):
        try:
            if read_tag(files, store, name).lsn <= lsn:
                kept.append(name)
        except UNREADABLE:
            continue
    for name in kept:
        files.link(f"{store}/{TAGS}/{name}", f"{build}/{TAGS}/{name}")
    files.sync_dir(f"{build}/{TAGS}")
    keep_tagged(files, store, f"{build}/index", kept)


def replace(files: Files, store: str) -> str:
    """Puts what is in ``restored`` in place; the name of the folder that has now what was there."""
    number = 1 + max(_replaced(files, store), default=0)
    _make_ready(files, f"{store}/{BUILD}", number)
    finish(files, store)
    return f"replaced.{number}"


def undo(files: Files, store: str) -> str:
    """Brings back what the last replacement put aside, which is put aside in turn; its folder's name.

    Raises NotFound ``nothing_to_undo``.
    """
    numbers = _replaced(files, store)
    if not numbers:
        raise NotFound(f"nothing was ever replaced in {store}", code="nothing_to_undo")
    newest = max(numbers)
    prepare(files, store)
    _make_ready(files, f"{store}/replaced.{newest}", newest + 1)
    files.rename(f"{store}/replaced.{newest}", f"{store}/{BUILD}")
    files.sync_dir(store)
    finish(files, store)
    return f"replaced.{newest + 1}"


def finish(files: Files, store: str) -> bool:
    """Finishes a replacement that was begun, if one was; whether there was one."""
    build = f"{store}/{BUILD}"
    ready = f"{build}/{READY}"
    if not files.exists(ready):
        return False
    text = files.read(ready, 0, READY_BYTES_MAX)
    if not text.isdigit():
        raise CorruptionError(ready, 0, "it does not say where to put what is to be replaced")
    aside = f"{store}/replaced.{int(text)}"
    files.make_dirs(aside)
    for part in PARTS:
        new, place, old = f"{build}/{part}", f"{store}/{part}", f"{aside}/{part}"
        if files.exists(new):
            if files.exists(place) and not files.exists(old):
                files.rename(place, old)
                files.sync_dir(aside)
            files.rename(new, place)
            files.sync_dir(store)
    files.remove(ready)
    files.remove_dir(build)
    files.sync_dir(store)
    return True


def _make_ready(files: Files, folder: str, number: int) -> None:
    for part in PARTS:
        files.make_dirs(f"{folder}/{part}")
    write_atomic(files, f"{folder}/{READY}", str(number).encode())


def _replaced(files: Files, store: str) -> list[int]:
    return [int(match[1]) for name in files.list(store) if (match := REPLACED.fullmatch(name))]
