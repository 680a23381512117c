"""The data set: given files, or the sample, as float32 rows in a folder that every phase can map."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from ops import sample

Vectors = NDArray[np.float32]

BLOCK_ROWS = 65_536
HELD_OUT_EVERY = 20
"""Without a file of queries, each row at this interval is taken out of the base and used as a query."""
NO_NUMBER = -1


class Dataset(msgspec.Struct, frozen=True):
    """The data that is measured on; its arrays are files in ``folder``."""

    folder: str
    name: str
    rows: int
    queries: int
    dim: int
    metric: str
    has_payloads: bool
    queries_origin: str

    def base_rows(self) -> Vectors:
        """The vectors, mapped; row i has id i."""
        rows: Vectors = np.load(Path(self.folder, "base.npy"), mmap_mode="r")
        return rows

    def query_rows(self) -> Vectors:
        """The queries, in memory."""
        rows: Vectors = np.load(Path(self.folder, "queries.npy"))
        return rows

    def numbers(self) -> NDArray[np.int64]:
        """The field ``r`` of each payload; NO_NUMBER where there is none."""
        numbers: NDArray[np.int64] = np.load(Path(self.folder, "numbers.npy"))
        return numbers

    def items(self, first_id: int = 0) -> Iterator[tuple[int, Vectors, dict[str, object] | None]]:
        """All rows as items for ``insert_batch``; ids count from ``first_id``."""
        base, payloads = self.base_rows(), self._payloads()
        for start in range(0, self.rows, BLOCK_ROWS):
            for place, row in enumerate(np.asarray(base[start : start + BLOCK_ROWS]), start):
                yield first_id + place, row, next(payloads, None)

    def _payloads(self) -> Iterator[dict[str, object]]:
        if not self.has_payloads:
            return
        decoder = msgspec.json.Decoder(dict[str, object])
        with Path(self.folder, "payloads.jsonl").open("rb") as lines:
            yield from map(decoder.decode, lines)


def prepare(
    folder: Path, base: Path | None, queries: Path | None, payloads: Path | None, metric: str
) -> Dataset:
    """Casts, normalises and stores what the phases need; raises ValueError when the files do not match."""
    name = "the sample (ops/sample)" if base is None else base.name
    rows: NDArray[np.float32] = sample.vectors() if base is None else np.load(base, mmap_mode="r")
    if rows.ndim != 2:
        raise ValueError(f"{name}: an array of {rows.ndim} dimensions is not one of vectors")
    is_held_out = np.zeros(len(rows), np.bool_)
    if queries is None:
        is_held_out[::HELD_OUT_EVERY] = True
        asked = rows[is_held_out]
        origin = f"every {HELD_OUT_EVERY}th row, held out of the base"
    else:
        asked, origin = np.load(queries), queries.name
    if asked.ndim != 2 or asked.shape[1] != rows.shape[1]:
        raise ValueError(f"queries of shape {asked.shape} do not fit vectors of dimension {rows.shape[1]}")
    kept = np.flatnonzero(~is_held_out)
    _store_rows(folder / "base.npy", rows, kept, metric)
    np.save(folder / "queries.npy", _ready(asked, metric))
    texts = _payload_lines(base, payloads)
    if texts is not None:
        _store_payloads(folder, texts, len(rows), is_held_out)
    return Dataset(str(folder), name, len(kept), len(asked), rows.shape[1], metric, texts is not None, origin)


def _ready(rows: NDArray[np.floating], metric: str) -> Vectors:
    """Rows as float32, of length 1 for cosine; a zero row stays zero."""
    ready = np.ascontiguousarray(rows, np.float32)
    if not np.isfinite(ready).all():
        raise ValueError("a vector holds NaN or infinity")
    if metric != "cosine":
        return ready
    lengths = np.linalg.norm(ready, axis=1, keepdims=True)
    unit: Vectors = np.divide(ready, lengths, out=np.zeros_like(ready), where=lengths > 0)
    return unit


def _store_rows(path: Path, rows: Vectors, kept: NDArray[np.intp], metric: str) -> None:
    shape = (len(kept), rows.shape[1])
    stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, len(kept), BLOCK_ROWS):
        block = kept[start : start + BLOCK_ROWS]
        stored[start : start + len(block)] = _ready(rows[block], metric)
    stored.flush()


def _payload_lines(base: Path | None, payloads: Path | None) -> Iterator[bytes] | None:
    """One JSON object a row: the sample's, the given file's (plain or zstd), or none."""
    if payloads is None:
        return map(msgspec.json.encode, sample.payloads()) if base is None else None
    return _lines_of(payloads)


def _lines_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        if path.suffix == ".zst":
            unpacked = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            yield from io.BufferedReader(unpacked)
        else:
            yield from file


def _store_payloads(folder: Path, lines: Iterator[bytes], rows: int, is_held_out: NDArray[np.bool_]) -> None:
    """Writes the payloads of the rows that stay, and their numbers ``r`` separately for the exact answers."""
    numbers: list[int] = []
    decoder = msgspec.json.Decoder(dict[str, object])
    count = 0
    with (folder / "payloads.jsonl").open("wb") as file:
        for place, line in enumerate(islice(lines, rows)):
            count += 1
            if is_held_out[place]:
                continue
            value = decoder.decode(line).get("r")
            numbers.append(value if isinstance(value, int) else NO_NUMBER)
            file.write(line.strip() + b"\n")
    if count != rows:
        raise ValueError(f"there are {count} payloads for {rows} vectors")
    np.save(folder / "numbers.npy", np.array(numbers, np.int64))
