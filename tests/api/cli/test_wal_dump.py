"""``asteroid wal dump`` and ``stats``: what touches an id, what lies between instants, what it all weighs."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api.cli.wal.commands import wal
from asteroid_cloud.wal.format.events import (
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
    encode_event,
)
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES, file_name
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.selection import touching
from tests.support.logs import IDENTITY, file_of

MINUTE_MS = 60_000
EPOCH_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def packed(*ids: int) -> bytes:
    return struct.pack(f"<{len(ids)}Q", *ids)


GROUPS: list[list[Event]] = [
    [IndexCreated(2, "l2"), BulkRows(7, 0, floats(0, 0, 1, 1, 2, 2)), BulkRows(8, 0, floats(9, 9, 9, 9))],
    [BulkPayloads(7, 1, [b'{"n":1}', None]), BulkLoaded(7, 2, 3, 2)],
    [VectorsUpserted(packed(5, 1, 6), floats(5, 5, 1, 2, 6, 6), [None, b'{"n":2}', None])],
    [PayloadReplaced(6, b"{}"), PayloadMerged(1, b'{"m":3}'), VectorsDeleted(packed(6, 1))],
    [VectorsUpserted(packed(5), floats(7, 7)), IndexDeleted()],
]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with frames a minute apart, in two files."""
    lsn, frames = 1, []
    for number, group in enumerate(GROUPS):
        encoded = [encode_event(event) for event in group]
        frames.append(encode_frame(IDENTITY, Lsn(lsn), EPOCH_MS + number * MINUTE_MS, encoded))
        lsn += len(group)
    (tmp_path / "wal").mkdir()
    (tmp_path / "wal" / file_name(Lsn(1))).write_bytes(file_of(*frames[:3]))
    (tmp_path / "wal" / file_name(Lsn(7))).write_bytes(file_of(*frames[3:], first=7))
    return tmp_path


def run(store: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(wal, [*arguments, "--data", str(store)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def lines(store: Path, *arguments: str) -> list[dict[str, Any]]:
    result = run(store, "dump", *arguments)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_story_of_an_id_with_the_rows_that_are_its_own(store: Path) -> None:
    found = lines(store, "--id", "1", "--vectors")
    assert [(line["lsn"], line["event"]) for line in found] == [
        (2, "BulkRows"),
        (4, "BulkPayloads"),
        (5, "BulkLoaded"),
        (6, "VectorsUpserted"),
        (8, "PayloadMerged"),
        (9, "VectorsDeleted"),
        (11, "IndexDeleted"),
    ]
    assert (found[0]["first"], found[0]["vectors"]) == (1, [[1, 1]])
    assert (found[1]["first"], found[1]["payloads"]) == (1, [{"n": 1}])
    assert (found[3]["ids"], found[3]["vectors"], found[3]["payloads"]) == ([1], [[1, 2]], [{"n": 2}])
    assert found[5]["ids"] == [1]


def test_several_ids_and_those_that_were_never_there(store: Path) -> None:
    found = lines(store, "--id", "6", "--id", "5")
    assert [line["lsn"] for line in found] == [6, 7, 9, 10, 11]
    assert (found[0]["ids"], found[0]["payloads"], found[2]["ids"]) == ([5, 6], [None, None], [6])
    assert [line["lsn"] for line in lines(store, "--id", "77")] == [11]


def test_a_bulk_load_that_never_ended_touches_no_id(store: Path) -> None:
    found = lines(store, "--id", "0")
    assert [line["bulk"] for line in found if "bulk" in line] == [7, 7]


def test_rows_behind_the_last_one_of_a_bulk_load_touch_no_id() -> None:
    loads = {1: BulkLoaded(1, 1, 2, 1)}
    rows = BulkRows(1, 1, floats(1, 2))
    assert list(touching(rows, frozenset({1, 2}), loads)) == [BulkRows(1, 1, floats(1))]
    assert list(touching(BulkPayloads(1, 1, [b"1", b"2"]), frozenset({2}), loads)) == []


def test_instants_kinds_and_numbers_narrow_it_together(store: Path) -> None:
    assert [line["lsn"] for line in lines(store, "--since-time", "2026-01-01T00:02:00Z")] == [
        6,
        7,
        8,
        9,
        10,
        11,
    ]
    assert [line["lsn"] for line in lines(store, "--until-time", "2026-01-01T01:01+01:00")] == [1, 2, 3, 4, 5]
    between = ["--since-time", "2026-01-01 00:01:00", "--until-time", "2026-01-01T00:03:00"]
    assert [line["lsn"] for line in lines(store, *between)] == [4, 5, 6, 7, 8, 9]
    assert [line["lsn"] for line in lines(store, *between, "--from-lsn", "5", "--until-lsn", "8")] == [
        5,
        6,
        7,
        8,
    ]
    kinds = ["--kind", "VectorsUpserted", "--kind", "VectorsDeleted"]
    assert [line["lsn"] for line in lines(store, *kinds)] == [6, 9, 10]
    assert [line["lsn"] for line in lines(store, *kinds, *between, "--id", "1")] == [6, 9]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since-time", "soon"], "--since-time"),
        (["--until-time", "2026-13-01"], "--until-time"),
        (["--kind", "Vanished"], "--kind"),
        (["--id", ""], "--id"),
        (["--id", "x" * 513], "--id"),
        (["--until-lsn", "0"], "--until-lsn"),
    ],
)
def test_what_is_no_instant_kind_or_id_is_refused_by_name(
    store: Path, arguments: list[str], words: str
) -> None:
    result = run(store, "dump", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_statistics_by_kind(store: Path) -> None:
    found = json.loads(run(store, "stats", "--json").stdout)
    assert (found["records"], found["frames"], found["records_a_frame_max"]) == (11, 5, 3)
    assert (found["first_lsn"], found["last_lsn"]) == (1, 11)
    assert (found["first_ms"], found["last_ms"]) == (EPOCH_MS, EPOCH_MS + 4 * MINUTE_MS)
    by_kind = {kind["event"]: kind for kind in found["kinds"]}
    assert (by_kind["BulkRows"]["records"], by_kind["BulkRows"]["rows"]) == (2, 5)
    assert (by_kind["VectorsUpserted"]["records"], by_kind["VectorsUpserted"]["rows"]) == (2, 4)
    assert (by_kind["VectorsDeleted"]["rows"], by_kind["BulkPayloads"]["rows"]) == (2, 2)
    assert found["vectors"] == 9
    assert sum(kind["raw_bytes"] for kind in found["kinds"]) == found["raw_bytes"]
    on_disk = sum(path.stat().st_size - FILE_HEADER_BYTES for path in (store / "wal").iterdir())
    assert found["packed_bytes"] == on_disk
    assert sum(kind["packed_bytes"] for kind in found["kinds"]) == pytest.approx(on_disk)
    assert found["largest"]["lsn"] == 6
    text = run(store, "stats").stdout
    assert "5 frames of 2.2 records, 3 at the most" in text
    assert "largest record: LSN 6, VectorsUpserted" in text


def test_statistics_end_where_the_log_is_damaged(store: Path) -> None:
    newest = store / "wal" / file_name(Lsn(7))
    data = bytearray(newest.read_bytes())
    data[FILE_HEADER_BYTES + 50] ^= 1
    newest.write_bytes(data)
    result = run(store, "stats", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["last_lsn"] == 6
    assert f"{newest}, byte {FILE_HEADER_BYTES}: the checksum" in result.stderr
    assert run(store, "dump", "--id", "1").exit_code == 1
