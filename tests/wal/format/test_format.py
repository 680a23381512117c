"""FORMAT.md and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asteroid_cloud.wal import LocalFiles, limits
from asteroid_cloud.wal.format.events import (
    Event,
    HistoryBegun,
    IndexCreated,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.format.frame import HEADER_BYTES
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.histories import Jump
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_reader import LogReader
from asteroid_cloud.wal.read.record_json import record_line
from tests.support.logs import FOLDER, IDENTITY, TIME_MS, disk

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "wal" / "format" / "FORMAT.md").read_text()


def block(kind: str) -> list[str]:
    """The lines of the one code block of that kind."""
    (found,) = re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)
    return str(found).splitlines()


def table(title: str) -> list[list[str]]:
    """The rows of the table below a heading."""
    section = TEXT.split(f"## {title}", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def example() -> bytes:
    """The file of the example."""
    return bytes.fromhex("".join(line.partition("|")[0] for line in block("hex")))


def test_the_example_decodes_to_what_the_page_says() -> None:
    log = LogReader(disk(example()), FOLDER)
    assert (log.identity, log.durable_lsn, log.end.torn) == (IDENTITY, 3, None)
    assert len(list(log.frames(Lsn(1)))) == 1
    lines = [record_line(record, vectors=True).decode() for record in log.read(Lsn(1))]
    assert lines == block("json")


@pytest.mark.parametrize(
    ("title", "size"),
    [("File header, 56 bytes", FILE_HEADER_BYTES), ("Frame header, 40 bytes", HEADER_BYTES)],
)
def test_the_byte_tables_add_up(title: str, size: int) -> None:
    offset = 0
    for row in table(title):
        assert int(row[0]) == offset
        offset += int(row[1])
    assert offset == size
    assert f"{size} bytes" in title


def test_every_event_is_listed_with_its_tag() -> None:
    listed = {row[1]: int(row[0]) for row in table("Events")}
    assert listed == {kind.__name__: kind.__struct_config__.tag for kind in Event.__args__}


def test_limits_are_those_of_the_code() -> None:
    for name, text in table("Limits"):
        (number,) = re.findall(r"^\d+", text)
        assert getattr(limits, name.strip("`")) == int(number)


def test_a_log_with_a_history_and_a_clock_loads_for_ever() -> None:
    log = LogReader(LocalFiles(), str(ROOT / "tests" / "fixtures" / "format-v3" / "wal"))
    assert (log.identity, log.header.version, log.jumps) == (IDENTITY, 3, (Jump(Lsn(2), Lsn(2**40)),))
    assert not log.check(bodies=True).damage
    found = [(record.lsn, record.clock_ms, record.event) for record in log.read(Lsn(2))]
    assert found[1:] == [
        (2**40, TIME_MS - 1000, HistoryBegun(2, b"the store's name")),
        (2**40 + 1, TIME_MS - 500, VectorsDeleted((7).to_bytes(8, "little"))),
    ]
    assert {record.time_ms for record in log.read(Lsn(1))} == {TIME_MS}


@pytest.mark.parametrize("version", [1, 2])
def test_released_logs_load_for_ever(version: int) -> None:
    fixture = ROOT / "tests" / "fixtures" / f"format-v{version}" / "wal"
    log = LogReader(LocalFiles(), str(fixture))
    assert (log.identity, log.header.version) == (IDENTITY, version)
    assert len(list(log.frames(Lsn(1)))) == 1
    assert [record.event for record in log.read(Lsn(1))] == [
        IndexCreated(2, "l2"),
        VectorsUpserted((7).to_bytes(8, "little"), bytes.fromhex("0000803f000000bf"), [b'{"a":1}']),
        VectorsDeleted((7).to_bytes(8, "little")),
    ]
