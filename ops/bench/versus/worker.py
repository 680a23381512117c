"""The process of one system: `python -m ops.bench.versus.worker NAME DATASET FOLDER`.

It carries out the commands from standard input and writes each answer to the original standard output;
what libraries print goes to standard error.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from ops.bench.data import Dataset
from ops.bench.memory import Memory, memory_of
from ops.bench.peers import registry
from ops.bench.peers.system import System, Vectors
from ops.bench.versus.commands import (
    Answer,
    Answers,
    Build,
    Built,
    Command,
    Insert,
    Inserted,
    Open,
    Opened,
    Pace,
    Paced,
)
from ops.bench.versus.pace import pace
from ops.bench.workload import BATCH_ROWS, FIRST_SEARCHES, USUAL_BREADTH


class Session:
    """Carries out commands on one system."""

    def __init__(self, system: System, dataset: Dataset) -> None:
        self._system = system
        self._dataset = dataset
        self._queries = list(dataset.query_rows())
        self._imports = memory_of()

    def perform(self, command: Command) -> msgspec.Struct:
        """Carries out one command."""
        match command:
            case Insert():
                return self._insert()
            case Build(threads):
                return self._build(threads)
            case Open():
                return self._open()
            case Answer(breadth):
                self._system.set_breadth(breadth)
                found = [self._system.search(query) for query in self._queries]
                return Answers([[int(id_) for id_ in ids] for ids in found])
            case Pace(breadth, seconds, threads):
                self._system.set_breadth(breadth)
                return Paced(pace(self._system.search, self._queries, seconds, threads))

    def _insert(self) -> Inserted:
        rows = self._dataset.rows
        self._system.create()
        began_s = time.perf_counter()
        for start in range(0, rows, BATCH_ROWS):
            ids = np.arange(start, min(start + BATCH_ROWS, rows))
            self._system.insert(ids, _rows(self._dataset, start, len(ids)))
        acknowledged_s = time.perf_counter() - began_s
        indexed_s, settled_s = (moment_s - began_s for moment_s in self._system.finish())
        memory = self._close()
        return Inserted(acknowledged_s, indexed_s, settled_s, memory)

    def _build(self, threads: int) -> Built:
        vectors = _rows(self._dataset, 0, self._dataset.rows)
        began_s = time.perf_counter()
        self._system.build(vectors, threads)
        elapsed_s = time.perf_counter() - began_s
        return Built(elapsed_s, self._close())

    def _open(self) -> Opened:
        began_s = time.perf_counter()
        self._system.open()
        elapsed_s = time.perf_counter() - began_s
        self._system.set_breadth(USUAL_BREADTH)
        for place in range(FIRST_SEARCHES):
            self._system.search(self._queries[place % len(self._queries)])
        return Opened(elapsed_s, self._imports, memory_of())

    def _close(self) -> Memory:
        self._system.close()
        return memory_of()


def _rows(dataset: Dataset, start: int, count: int) -> Vectors:
    """Some of the rows, read and not mapped, so that only these count as memory."""
    mapped = dataset.base_rows()
    assert isinstance(mapped, np.memmap)
    offset = mapped.offset + start * mapped.strides[0]
    rows = np.fromfile(str(mapped.filename), np.float32, count * dataset.dim, offset=offset)
    return rows.reshape(count, dataset.dim)


def main() -> None:
    """Answers until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    name, text, folder = sys.argv[1:]
    dataset = msgspec.json.decode(text, type=Dataset)
    session = Session(registry.load(name)(Path(folder), dataset.dim, dataset.rows), dataset)
    decoder = msgspec.json.Decoder(Command)
    for line in sys.stdin.buffer:
        answers.write(msgspec.json.encode(session.perform(decoder.decode(line))) + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
    # Ends without the libraries' own clean-up, which crashes in some of them after searches.
    os._exit(0)
