"""The record of lost data grows and is never forgotten; a new loss is open, whatever was acknowledged."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer.loss.loss_record import acknowledge_losses, read_losses, record_loss, record_purge
from asteroid_cloud.indexer.model.data_loss import DataLoss, LostRecords, LostSegment
from asteroid_cloud.wal.disk.layout import StoreLayout
from asteroid_cloud.wal.errors import CorruptionError, LockHeld
from tests.support.faulty_files import MemoryFiles

STORE = "data"
LAYOUT = StoreLayout(STORE).collection()


def segment(number: int, rows: int = 5) -> LostSegment:
    return LostSegment(
        segment=number, rows=rows, lsn=9, least_id=1, greatest_id=7, reason="damaged", kept=[], time_ms=1
    )


def records(first: int, last: int | None, *kept: str) -> LostRecords:
    return LostRecords(first_lsn=first, last_lsn=last, kept=list(kept), time_ms=1)


def disk() -> MemoryFiles:
    files = MemoryFiles()
    files.make_dirs(LAYOUT.log)
    return files


def test_a_store_without_a_record_has_lost_nothing() -> None:
    assert read_losses(disk(), STORE) == DataLoss()


def test_losses_add_up_and_one_that_is_recorded_again_is_there_once() -> None:
    files = disk()
    for loss in (segment(1), records(4, 8), segment(2, 3), segment(1, 99), records(4, 8, "copy")):
        record_loss(files, LAYOUT, loss)
    known = read_losses(files, STORE)
    assert [(each.segment, each.rows) for each in known.segments] == [(1, 5), (2, 3)]
    assert known.records == [records(4, 8, "copy")]
    assert (known.rows, known.is_open) == (8, True)


def test_a_new_loss_opens_what_was_acknowledged() -> None:
    files = disk()
    record_loss(files, LAYOUT, segment(1))
    assert acknowledge_losses(files, STORE, 7).acknowledged_ms == 7
    assert acknowledge_losses(files, STORE, 8).acknowledged_ms == 7
    record_loss(files, LAYOUT, segment(1))
    assert not read_losses(files, STORE).is_open, "it was recorded before"
    record_loss(files, LAYOUT, segment(2))
    assert read_losses(files, STORE).is_open


def test_a_store_in_use_is_not_acknowledged() -> None:
    files = disk()
    record_loss(files, LAYOUT, segment(1))
    lock = files.lock(StoreLayout(STORE).lock)
    with pytest.raises(LockHeld):
        acknowledge_losses(files, STORE, 7)
    lock.release()
    assert read_losses(files, STORE).is_open


@pytest.mark.parametrize("content", [b"{", b"", b'{"segments": 1}', b"\xff"])
def test_a_record_that_does_not_decode_is_never_taken_for_no_loss(content: bytes) -> None:
    files = disk()
    files.contents[LAYOUT.lost] = bytearray(content)
    with pytest.raises(CorruptionError):
        read_losses(files, STORE)
    with pytest.raises(CorruptionError):
        record_loss(files, LAYOUT, segment(1))
    assert files.image()[LAYOUT.lost] == content


def test_a_purge_of_the_evidence_is_told_and_changes_nothing_else() -> None:
    files = disk()
    layout = StoreLayout(STORE).collection()
    record_purge(files, layout, 5)
    assert read_losses(files, STORE) == DataLoss()
    record_loss(files, layout, records(3, 5, "x.broken"))
    record_purge(files, layout, 7)
    known = read_losses(files, STORE)
    assert (known.records[0].kept, known.evidence_purged_ms, known.is_open) == ([], 7, True)
    acknowledge_losses(files, STORE, 8)
    record_purge(files, layout, 9)
    known = read_losses(files, STORE)
    assert (known.evidence_purged_ms, known.acknowledged_ms) == (7, 8), "there was nothing left to remove"
