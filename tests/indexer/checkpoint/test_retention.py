"""What a store keeps of its log stays until something else is said; damage to it keeps all of the log."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from asteroid_cloud.indexer.checkpoint.retention import (
    FORMAT,
    StoredRetention,
    carry_retention,
    read_retention,
    settle_retention,
    write_retention,
)
from asteroid_cloud.indexer.model.options import EngineOptions, RetentionChange
from asteroid_cloud.wal.append import NOTHING, Retention
from asteroid_cloud.wal.disk.layout import StoreLayout
from asteroid_cloud.wal.errors import CorruptionError, InvalidRequest, UnsupportedVersion
from tests.support.faulty_files import MemoryFiles
from tests.support.read_only_files import ReadOnlyFiles

LAYOUT = StoreLayout("data").collection()
SILENT = EngineOptions()


def disk() -> MemoryFiles:
    files = MemoryFiles()
    files.make_dirs("data")
    return files


def settle(files: MemoryFiles | ReadOnlyFiles, options: EngineOptions = SILENT) -> tuple[object, object]:
    """What the store keeps once it has been opened so."""
    settled = settle_retention(files, LAYOUT, options)
    if settled.is_new:
        write_retention(files, LAYOUT, settled.kept)
    full = settled.applied_to(options)
    return full.keep_log, full.log_retention


def test_a_store_that_was_never_told_keeps_nothing_and_has_no_file() -> None:
    assert settle(ReadOnlyFiles(disk())) == (False, NOTHING)


def test_what_is_said_stays_until_something_else_is_said() -> None:
    files = disk()
    week = RetentionChange(age_ms_max=7)
    for options, keeps in (
        (EngineOptions(log_retention=week), (False, Retention(None, 7))),
        (EngineOptions(log_retention=RetentionChange(bytes_max=5)), (False, Retention(5, 7))),
        (EngineOptions(log_retention=RetentionChange(age_ms_max=None)), (False, Retention(5, None))),
        (EngineOptions(log_retention=Retention(6, 8)), (False, Retention(6, 8))),
        (EngineOptions(keep_log=True), (True, Retention(6, 8))),
        (EngineOptions(keep_log=False), (False, Retention(6, 8))),
        (EngineOptions(log_retention=NOTHING), (False, NOTHING)),
    ):
        assert settle(files, options) == keeps
        assert settle(ReadOnlyFiles(files)) == keeps, "who says nothing changes nothing, not even the file"
        assert settle(ReadOnlyFiles(files), options) == keeps, "nor who says the same again"


def test_a_bound_does_not_silently_end_a_log_that_is_kept_whole() -> None:
    files = disk()
    settle(files, EngineOptions(keep_log=True))
    bound = RetentionChange(bytes_max=5)
    with pytest.raises(InvalidRequest, match="--no-keep-log"):
        settle(files, EngineOptions(log_retention=bound))
    assert settle(files) == (True, NOTHING)
    assert settle(files, EngineOptions(keep_log=False, log_retention=bound)) == (False, Retention(5, None))


def test_every_flipped_bit_is_noticed_and_all_of_the_log_is_kept() -> None:
    files = disk()
    settle(files, EngineOptions(log_retention=Retention(6, 8)))
    whole = bytes(files.contents[LAYOUT.retention])
    strict = EngineOptions(recovery="strict")
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        files.contents[LAYOUT.retention] = damaged
        try:
            kept = settle(ReadOnlyFiles(files))
        except UnsupportedVersion:
            continue  # the digit of the format
        if kept == (False, Retention(6, 8)):
            continue  # the name of a field that says what it would say if it were left out
        assert kept[0] is True
        with pytest.raises(CorruptionError):
            settle(files, strict)
    files.contents[LAYOUT.retention] = bytearray(whole)
    assert settle(files, strict) == (False, Retention(6, 8))


@pytest.mark.parametrize("mode", ["strict", "tail", "salvage"])
def test_a_newer_file_is_refused_untouched(mode: Literal["strict", "tail", "salvage"]) -> None:
    files = disk()
    write_retention(files, LAYOUT, StoredRetention(format=FORMAT + 1, bytes_max=5))
    with pytest.raises(UnsupportedVersion):
        settle(ReadOnlyFiles(files), EngineOptions(recovery=mode, keep_log=True))


def test_what_is_made_of_a_store_keeps_what_it_keeps() -> None:
    files, into = disk(), StoreLayout("new").collection()
    carry_retention(files, LAYOUT, into)
    assert not files.exists("new")
    settle(files, EngineOptions(keep_log=True))
    carry_retention(files, LAYOUT, into)
    assert read_retention(files, into) == StoredRetention(keep_log=True)
    files.contents[LAYOUT.retention] = bytearray(msgspec.json.encode({"format": 1}))
    carry_retention(files, LAYOUT, StoreLayout("other").collection())
    assert not files.exists("other")
