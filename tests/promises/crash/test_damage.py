"""Damage of every kind is refused or changes nothing. What looks like a torn tail is cut and reported.

Every bit of a log of 16 KiB and of a manifest as large is flipped; blocks are zeroed, exchanged, put back.
"""

from __future__ import annotations

import logging

import pytest

from asteroid_cloud.indexer.checkpoint.manifest import (
    Manifest,
    SegmentEntry,
    manifest_name,
    newest_manifest,
    write_manifest,
)
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from asteroid_cloud.wal.format.events import VectorsUpserted, encode_event
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_end import find_end
from tests.promises.power import planted
from tests.promises.power.damage import built, flips, misdirected, opened_as, prefixes
from tests.support.engines import u64, vectors
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import FIRST, FOLDER, IDENTITY, disk, file_of

KIB = 1024
MISDIRECTED = 2000


@pytest.fixture(autouse=True)
def _silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def log_of(rows: int) -> tuple[bytes, int]:
    """A log of eight frames with so many rows each, and where its last frame begins."""
    frames = []
    for number in range(8):
        drawn = vectors(rows, 8, number)
        upsert = VectorsUpserted(u64(*range(rows)).tobytes(), drawn.tobytes())
        frames.append(encode_frame(IDENTITY, Lsn(number + 1), 0, [encode_event(upsert)]))
    whole = file_of(*frames)
    return whole, len(whole) - len(frames[-1])


def undetected_in_log(whole: bytes, last_frame: int) -> int:
    """Flips each bit in turn. Gives the number of flips that go unnoticed."""
    undetected = 0
    files = disk(whole)
    for number, data in enumerate(flips(whole)):
        files.contents[FIRST] = bytearray(data)
        try:
            end = find_end(files, FOLDER, None)
        except (CorruptionError, UnsupportedVersion):
            continue
        assert end is not None
        undetected += number // 8 < last_frame or end.newest.end != last_frame or end.torn is None
    return undetected


@pytest.mark.slow_first
def test_every_bit_of_a_log_is_guarded() -> None:
    whole, last_frame = log_of(64)
    assert 15.5 * KIB < len(whole) <= 16.5 * KIB
    assert undetected_in_log(whole, last_frame) == 0


def test_every_bit_of_a_manifest_is_guarded() -> None:
    files = MemoryFiles()
    files.make_dirs("index")
    entry = SegmentEntry(7, 10**6, bytes(range(256)) * 62)
    write_manifest(
        files,
        "index",
        Manifest(
            identity=bytes(16),
            number=3,
            applied_lsn=42,
            spec=IndexSpec(8, "cosine"),
            next_segment=10,
            segments=[entry],
        ),
    )
    path = f"index/{manifest_name(3)}"
    whole = bytes(files.contents[path])
    assert 15 * KIB < len(whole) <= 16 * KIB
    for data in flips(whole):
        files.contents[path] = bytearray(data)
        with pytest.raises((CorruptionError, UnsupportedVersion)):
            newest_manifest(files, "index")


@pytest.mark.slow_first
def test_misdirected_blocks_are_refused_or_change_nothing() -> None:
    image, older = built()
    allowed = prefixes(image)
    assert len(allowed) == 4, "the whole log, and each of its three last frames lost"
    refused = 0
    for seed in range(MISDIRECTED):
        found = opened_as(misdirected(image, older, seed))
        refused += found is None
        assert found is None or found in allowed, f"block {seed}"
    assert refused > MISDIRECTED // 4


def test_a_checksum_that_is_not_checked_is_seen() -> None:
    with pytest.MonkeyPatch.context() as patch:
        planted.skip_checksum(patch)
        assert undetected_in_log(*log_of(2)) > 1000
