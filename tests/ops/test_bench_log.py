"""The benchmark of the log measures what the log does."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import pytest
import zstandard

from asteroid_cloud.wal import LocalFiles, LocalLog, Lsn
from asteroid_cloud.wal.format.body import APART, Packer
from asteroid_cloud.wal.format.events import VectorsUpserted, encode_event
from ops.bench.data import Dataset, prepare
from ops.bench.logs import packing, reading
from ops.bench.logs.command import command_of, parse, tables
from ops.bench.logs.rows import batches

ROWS = np.random.default_rng(3).normal(size=(60, 24)).astype(np.float32)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Forty rows with payloads."""
    np.save(tmp_path / "base.npy", ROWS)
    (tmp_path / "p.jsonl").write_text("".join(f'{{"r": {row}}}\n' for row in range(len(ROWS))))
    return prepare(tmp_path, tmp_path / "base.npy", None, tmp_path / "p.jsonl", "cosine")


@pytest.mark.parametrize("way", packing.ways_for_vectors(), ids=lambda way: way.name)
def test_every_way_gives_back_what_it_was_given(way: packing.Way) -> None:
    data = ROWS.tobytes()
    assert way.unpack(way.pack(data)) == data


def test_the_logs_own_way_is_what_a_frame_holds() -> None:
    own = packing.ways_for_vectors()[-1]
    packed = Packer().pack([encode_event(VectorsUpserted(b"", ROWS.tobytes()))])
    assert packed.flags == APART
    assert packed.data.endswith(own.pack(ROWS.tobytes()))


def test_a_way_that_loses_something_is_found_out() -> None:
    lossy = packing.Way("lossy", zstandard.compress, lambda packed: zstandard.decompress(packed)[:-1])
    with pytest.raises(AssertionError, match="does not give back"):
        packing.measured(lossy, [b"some", b"bytes"], 1)


def test_sizes_are_by_the_record() -> None:
    same = packing.Way("same", bytes, bytes)
    assert packing.measured(same, [b"1234", b"12", b"123"], 2).record_bytes == 3.0


def test_kinds_of_vectors_differ_in_their_bits_alone() -> None:
    kinds = packing.kinds_of(ROWS)
    assert np.array_equal(kinds["once float16"], ROWS.astype(np.float16))
    for kind in ("unit length", "rotated at random"):
        assert np.allclose(np.linalg.norm(kinds[kind], axis=1), 1, atol=1e-5)
        assert kinds[kind].dtype == np.float32


def test_a_dictionary_that_cannot_be_trained_is_left_out() -> None:
    names = [way.name for way in packing.ways_for_payloads([b"{}"] * 4)]
    assert names == ["plain, level 1", "plain, level 3"]


def test_a_log_written_for_reading_is_one(tmp_path: Path) -> None:
    events = [reading.one_vector(ROWS, number) for number in range(10)]
    log_bytes = reading.write_log(tmp_path / "log", iter(events), 4)
    assert log_bytes == sum(path.stat().st_size for path in (tmp_path / "log").iterdir())
    assert reading.read_log(tmp_path / "log")[0] == 10

    async def read() -> list[object]:
        log = await LocalLog.open(LocalFiles(), str(tmp_path / "log"))
        found: list[object] = [record.event for record in log.read(Lsn(1))]
        await log.close()
        return found

    assert anyio.run(read) == events


def test_batches_hold_every_row_once(dataset: Dataset) -> None:
    made = list(batches(dataset, 25))
    assert [len(ids) for ids, _, _ in made] == [25, 25, 7]
    assert np.concatenate([ids for ids, _, _ in made]).tolist() == list(range(57))
    assert np.array_equal(np.concatenate([vectors for _, vectors, _ in made]), dataset.base_rows())
    assert made[0][2][0] == b'{"r":1}'


def test_a_run_makes_its_tables(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RECORDS", 100)
    monkeypatch.setattr(reading, "PASSES", 1)
    (tmp_path / "stores").mkdir()
    made = tables(dataset, tmp_path / "stores", 0.1, ["reading", "keeping"])
    assert [table.title for table in made] == [
        "Reading the log",
        "Making the store again",
        "The log on the disk",
    ]
    for table in made:
        assert all(len(row) == len(table.heads) for row in table.rows)


def test_the_command_names_files_only(tmp_path: Path) -> None:
    options = parse(["--base", str(tmp_path / "b.npy"), "--only", "packing"])
    assert command_of(options) == "python -m ops.bench log --seconds-each 2 --base b.npy --only packing"
