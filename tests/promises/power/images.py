"""What a power cut may leave of a recording: all that the rules of a disk allow, or a random part of it.

The images after each operation have everything that was synced, and of the unsynced operations: none; the
first few; all but one; all, with the last write torn, zeroed or with a hole; random subsets. A disk may
reorder operations unless there is a sync between them.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from tests.promises.power.recording import Op

SECTOR = 512
DATA = {"write", "truncate"}
NAMES = {"link", "rename", "unlink"}

Image = dict[str, bytes]
Key = tuple[tuple[str, int], ...]
"""Paths with the numbers of their contents. Equal images have equal keys."""


class Cut(NamedTuple):
    """One power cut: after which operation, which unsynced operations are kept, and which one is torn."""

    at: int
    kept: tuple[int, ...]
    torn: tuple[int, int, int] = (-1, 0, 0)
    """An operation, and which of its bytes are lost: zeros instead, or nothing at the end of a file."""


class Images:
    """Makes the images of one recording; each distinct content of a file exists once."""

    def __init__(self, ops: Sequence[Op], begun_with: Image, seed: int, subsets: int) -> None:
        self._ops = ops
        self._random = random.Random(seed)
        self._subsets = subsets
        self._names = {path: number for number, path in enumerate(begun_with)}
        self._safe = dict(enumerate(begun_with.values()))
        self._pending: list[int] = []
        self._numbers: dict[bytes, int] = {}
        self._contents: list[bytes] = []
        self._made: dict[tuple[object, ...], int] = {}
        self._versions: dict[int, int] = {}

    def all(self) -> Iterator[tuple[Cut, Key]]:
        """Every cut, with what it leaves."""
        for at, op in enumerate(self._ops, 1):
            self._take(at - 1, op)
            for cut in self._cuts(at):
                yield cut, self._key(cut)

    def last(self) -> Iterator[tuple[Cut, Key]]:
        """A few cuts after the last operation: no unsynced operation is kept, all are, or a random subset."""
        for number, op in enumerate(self._ops):
            self._take(number, op)
        at, pending = len(self._ops), tuple(self._pending)
        for kept in [(), pending, *(self._some(pending) for _ in range(self._subsets))]:
            cut = Cut(at, kept)
            yield cut, self._key(cut)

    def image(self, key: Key) -> Image:
        """The files of an image."""
        return {path: self._contents[number] for path, number in key}

    def _take(self, number: int, op: Op) -> None:
        if op.kind in DATA or op.kind in NAMES:
            self._pending.append(number)
        elif op.kind == "sync":
            self._settle([n for n in self._pending if self._is_data_of(n, op.inode)])
        elif op.kind == "sync_dir":
            self._settle([n for n in self._pending if self._is_name_in(n, op.path)])

    def _is_data_of(self, number: int, inode: int) -> bool:
        return self._ops[number].kind in DATA and self._ops[number].inode == inode

    def _is_name_in(self, number: int, folder: str) -> bool:
        return self._ops[number].kind in NAMES and self._ops[number].folder == folder

    def _settle(self, numbers: list[int]) -> None:
        for number in numbers:
            op = self._ops[number]
            if op.kind in DATA:
                self._safe[op.inode] = changed(self._safe.get(op.inode, b""), op)
                self._versions[op.inode] = number
            else:
                rename(self._names, op)
        settled = set(numbers)
        self._pending = [number for number in self._pending if number not in settled]

    def _cuts(self, at: int) -> Iterator[Cut]:
        pending = self._pending
        for length in range(len(pending) + 1):
            yield Cut(at, tuple(pending[:length]))
        for number in pending:
            yield Cut(at, tuple(other for other in pending if other != number))
        for number in pending[-1:]:
            yield from (Cut(at, tuple(pending), torn) for torn in self._torn(number))
        if len(pending) > 2:
            for _ in range(self._subsets):
                yield Cut(at, self._some(pending))

    def _some(self, pending: Sequence[int]) -> tuple[int, ...]:
        share = self._random.random()
        return tuple(number for number in pending if self._random.random() < share)

    def _torn(self, number: int) -> Iterator[tuple[int, int, int]]:
        op = self._ops[number]
        if op.kind != "write" or not op.data:
            return
        size = len(op.data)
        borders = [border - op.offset for border in range(0, op.offset + size, SECTOR)]
        ends = {border for border in borders if 0 < border < size}
        ends |= {self._random.randrange(size) for _ in range(3)}
        for end in sorted(ends):
            yield number, end, -1
        yield number, 0, size
        hole = self._random.choice(borders)
        yield number, max(0, hole), min(size, hole + SECTOR)

    def _key(self, cut: Cut) -> Key:
        names = dict(self._names)
        data: dict[int, list[int]] = {}
        for number in cut.kept:
            op = self._ops[number]
            if op.kind in NAMES:
                rename(names, op)
            else:
                data.setdefault(op.inode, []).append(number)
        files = [(path, self._content(inode, data.get(inode, ()), cut.torn)) for path, inode in names.items()]
        return tuple(sorted(files))

    def _content(self, inode: int, kept: Collection[int], torn: tuple[int, int, int]) -> int:
        torn = torn if torn[0] in kept else (-1, 0, 0)
        key = (inode, self._versions.get(inode), *kept, torn)
        if key not in self._made:
            data = self._safe.get(inode, b"")
            for number in kept:
                op = self._ops[number]
                data = changed(data, damaged(op, torn) if number == torn[0] else op)
            self._made[key] = self._numbers.setdefault(data, len(self._numbers))
            if len(self._numbers) > len(self._contents):
                self._contents.append(data)
        return self._made[key]


def changed(data: bytes, op: Op) -> bytes:
    """A file's bytes after one write or cut."""
    before = data[: op.offset].ljust(op.offset, b"\0")
    return before if op.kind == "truncate" else before + op.data + data[op.offset + len(op.data) :]


def damaged(op: Op, torn: tuple[int, int, int]) -> Op:
    """A write of which bytes are lost."""
    _, first, last = torn
    lost = op.data[:first] if last < 0 else op.data[:first] + bytes(last - first) + op.data[last:]
    return op._replace(data=lost)


def rename(names: dict[str, int], op: Op) -> None:
    """Applies one operation to the names, even if operations before it were lost."""
    if op.kind == "link":
        names[op.path] = op.inode
        return
    if names.get(op.path) == op.inode:
        del names[op.path]
    if op.kind == "rename":
        names[op.target] = op.inode
