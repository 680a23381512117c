"""How fast the log is read and an index built from it, compared with how fast both were written."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import anyio
import msgspec
import numpy as np

from asteroid_cloud.api.service.process_info import processors
from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.reindex.reindex import Reindex
from asteroid_cloud.wal import LocalFiles, LocalLog, Lsn
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.format.body import Packer
from asteroid_cloud.wal.format.events import Event, PayloadMerged, VectorsUpserted, encode_event
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.format.log_file import FileHeader, encode_file_header, file_name
from ops.bench.data import Dataset, Vectors
from ops.bench.logs.rows import batches
from ops.bench.tables import Rows, Table, count, seconds

IDENTITY = bytes(16)
GROUP = 64
"""Records that wait for the same fsync when so many write at a time."""
RECORDS = 40_000
PASSES = 3
RECORDS_PER_S_MIN = 200_000


class Rebuilt(msgspec.Struct, frozen=True):
    """An index as it was written, and as it was built from its log alone; all in seconds."""

    durable_s: float
    indexed_s: float
    ready_s: float
    """From the opening of a store that has only the log."""
    reindexed_s: float
    replayed_s: float
    """``asteroid wal replay``, which builds a second index and compares both."""


def small_record(number: int) -> Event:
    """A change of a payload."""
    return PayloadMerged(number, b'{"seen":%d}' % number)


def one_vector(vectors: Vectors, number: int) -> Event:
    """One row, without a payload."""
    row = vectors[number % len(vectors)]
    return VectorsUpserted(number.to_bytes(8, "little"), row.tobytes())


def many_vectors(vectors: Vectors, number: int, rows: int) -> Event:
    """A batch of rows."""
    ids = np.arange(number * rows, (number + 1) * rows, dtype=np.uint64)
    return VectorsUpserted(ids.tobytes(), vectors[ids % np.uint64(len(vectors))].tobytes())


def decode_table(dataset: Dataset, folder: Path) -> Table:
    """Logs of several kinds, each read from front to back a few times."""
    vectors = np.asarray(dataset.base_rows()[:2000])
    few = np.ascontiguousarray(vectors[:, :16])
    dim, batch = dataset.dim, 1000
    rows: Rows = []
    kinds: list[tuple[str, Iterator[Event], int, int]] = [
        (f"payload changes, {GROUP} a frame", map(small_record, range(RECORDS)), GROUP, 1),
        (f"one vector of {few.shape[1]}, {GROUP} a frame", _each(few, RECORDS), GROUP, 1),
        (f"one vector of {few.shape[1]}, a frame each", _each(few, RECORDS // 2), 1, 1),
        (f"one vector of {dim}, {GROUP} a frame", _each(vectors, RECORDS // 2), GROUP, 1),
        (f"one vector of {dim}, a frame each", _each(vectors, RECORDS // 2), 1, 1),
        (f"{batch:,} vectors of {dim}", (many_vectors(vectors, n, batch) for n in range(40)), 1, batch),
    ]
    for name, events, group, rows_each in kinds:
        log_bytes = write_log(folder, events, group)
        passes = [read_log(folder) for _ in range(PASSES)]
        records, taken_s = passes[0][0], median(taken_s for _, taken_s in passes)
        rows.append(
            (
                name,
                count(records / taken_s),
                count(records * rows_each / taken_s),
                f"{log_bytes / taken_s / 1e6:,.0f}",
                count(log_bytes / records),
            )
        )
        shutil.rmtree(folder)
    heads = ("records", "records/s", "rows/s", "MB/s of the file", "bytes a record")
    note = (
        "Read from front to back on one thread, every checksum checked, every record made an object; "
        f"promised ≥ {RECORDS_PER_S_MIN:,} small records a second. The files are in the page cache."
    )
    return Table("Reading the log", heads, rows, note)


def _each(vectors: Vectors, records: int) -> Iterator[Event]:
    return (one_vector(vectors, number) for number in range(records))


def write_log(folder: Path, events: Iterator[Event], group: int) -> int:
    """Writes a log file as a store would, without waiting for the disk; returns its size in bytes."""
    folder.mkdir(parents=True)
    packer, lsn = Packer(), 1
    path = folder / file_name(Lsn(1))
    with path.open("wb") as file:
        file.write(encode_file_header(FileHeader(IDENTITY, Lsn(1), 0)))
        while encoded := [encode_event(event) for _, event in zip(range(group), events, strict=False)]:
            file.write(encode_frame(IDENTITY, Lsn(lsn), 0, encoded, packer))
            lsn += len(encoded)
    return path.stat().st_size


def read_log(folder: Path) -> tuple[int, float]:
    """How many records there are, and how long reading them took."""
    return anyio.run(_read_log, folder)


async def _read_log(folder: Path) -> tuple[int, float]:
    log = await LocalLog.open(LocalFiles(), str(folder))
    began_s = time.perf_counter()
    records = sum(1 for _ in log.read(Lsn(1)))
    taken_s = time.perf_counter() - began_s
    await log.close()
    assert records == log.durable_lsn
    return records, taken_s


def rebuild_table(dataset: Dataset, folder: Path) -> Table:
    """Writes a store, and builds it again from its log alone."""
    passes = [_rebuild(dataset, folder / str(number)) for number in range(PASSES)]
    middle = {name: median(getattr(each, name) for each in passes) for name in Rebuilt.__struct_fields__}
    rows: list[tuple[str, ...]] = []
    for name, wrote, made in (
        ("readable: acknowledged / ready", "durable_s", "ready_s"),
        ("indexed: flushed / ready and flushed", "indexed_s", "reindexed_s"),
        ("indexed: flushed / `asteroid wal replay`", "indexed_s", "replayed_s"),
    ):
        ratio = middle[wrote] / middle[made]
        rate = count(dataset.rows / middle[made])
        rows.append((name, seconds(middle[wrote]), seconds(middle[made]), rate, f"{ratio:.2f}×"))
    note = (
        f"{dataset.rows:,} rows in batches of 1,000. Inserted: by one writer, embedded. From the log: "
        "nothing else is left of the store. Promised: ≥ 1×. Replay builds on "
        "every core, and also digests both indexes and compares them."
    )
    return Table("Making the store again", ("", "inserted", "from the log", "rows/s", "ratio"), rows, note)


def _rebuild(dataset: Dataset, folder: Path) -> Rebuilt:
    store, copy = folder / "store", folder / "copy"
    durable_s, indexed_s = anyio.run(_insert, dataset, store)
    shutil.copytree(*(StoreLayout(str(path)).collection().log for path in (store, copy)))
    ready_s, reindexed_s = anyio.run(_open, copy)
    began_s = time.perf_counter()
    replay = Reindex(LocalFiles(), str(store), EngineOptions(keep_log=True, build_threads=processors()))
    report = replay.run(lambda done, total: None)
    replayed_s = time.perf_counter() - began_s
    assert report.agrees
    shutil.rmtree(folder)
    return Rebuilt(durable_s, indexed_s, ready_s, reindexed_s, replayed_s)


async def _insert(dataset: Dataset, store: Path) -> tuple[float, float]:
    async with Engine.open(str(store), EngineOptions(keep_log=True)) as engine:
        await engine.ready()
        await engine.create_index(dataset.dim, dataset.metric)
        began_s = time.perf_counter()
        for ids, vectors, payloads in batches(dataset, 1000):
            await engine.upsert(ids, vectors, payloads)
        durable_s = time.perf_counter() - began_s
        await engine.flush()
        return durable_s, time.perf_counter() - began_s


async def _open(store: Path) -> tuple[float, float]:
    began_s = time.perf_counter()
    async with Engine.open(str(store), EngineOptions(keep_log=True)) as engine:
        await engine.ready()
        ready_s = time.perf_counter() - began_s
        await engine.flush()
        return ready_s, time.perf_counter() - began_s


def tables(dataset: Dataset, folder: Path) -> Sequence[Table]:
    """Measures both."""
    return [decode_table(dataset, folder / "read"), rebuild_table(dataset, folder / "rebuilt")]
