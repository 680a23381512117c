"""Damage to one file: to its bytes, or to what its checksums cover, with the checksums computed again.

Nothing here knows what a file holds. The sections are found by walking over the footer, whatever its
fields, and the extreme values are taken from the numbers that it has.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import pairwise
from random import Random
from typing import Any

import msgspec

from asteroid_cloud.indexer.segment.container import ALIGN, HEADER, PAGE, TRAILER, Section
from ops.fuzz.subject import Intact

Place = tuple[str | int, ...]
EXTREMES = [number + more for number in (2**7, 2**15, 2**31, 2**32, 2**62, 2**63) for more in (-2, -1, 0, 1)]
EXTREMES += [0, 1, 2, 2**64 - 2, 2**64 - 1]
FLOATS = [float("nan"), float("inf"), float("-inf"), 3.4e38, -3.4e38, 1e-45, -0.0]
FOREIGN: list[Any] = [None, True, 1.5, float("nan"), "text", b"bytes", [], {}, [[]], -1, -(2**31), -(2**63)]
# What no encoder writes: a string that is not UTF-8, unknown extensions, very deep nesting, a length of 4 GB.
RAW = [b"\xa4\xff\xfe\xfd\xfc", b"\xc7\x04\x05abcd", b"\xd6\xff\xff\xff\xff\xff", b"\x91" * 90_000 + b"\xc0"]
RAW += [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc1", b"\x81\xc0\xc0"]


def sections(value: object, place: Place = ()) -> Iterator[tuple[Place, Section]]:
    """Each section that a footer names, and its place in the encoded footer."""
    if isinstance(value, Section):
        yield place, value
    elif isinstance(value, msgspec.Struct):
        is_array = value.__struct_config__.array_like
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        for index, (field, encoded) in enumerate(names):
            yield from sections(getattr(value, field), (*place, index if is_array else encoded))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from sections(item, (*place, index))


def numbers(tree: Any) -> Iterator[int]:
    """Every integer in a decoded footer."""
    if isinstance(tree, dict | list):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from numbers(item)
    elif isinstance(tree, int):
        yield tree


def leaves(tree: Any, place: Place = ()) -> Iterator[Place]:
    """The place of every value of a decoded footer, inner ones first."""
    if isinstance(tree, dict | list):
        for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(item, (*place, key))
    if place:
        yield place


def at(tree: Any, place: Place) -> Any:
    """The value at a place."""
    for key in place:
        tree = tree[key]
    return tree


def put(tree: Any, place: Place, value: Any) -> None:
    """Replaces the value at a place."""
    at(tree, place[:-1])[place[-1]] = value


class Damager:
    """Damages copies of one file, each time in a way that ``rng`` decides."""

    def __init__(self, intact: Intact, rng: Random) -> None:
        self._intact = intact
        self._rng = rng
        self._tree = msgspec.msgpack.decode(msgspec.msgpack.encode(intact.footer))
        known = {number + more for number in numbers(self._tree) for more in (-1, 0, 1)}
        self._values = sorted(known | {2 * number for number in known} | set(EXTREMES))
        self._sections = dict(sections(intact.footer))
        self._largest = len(intact.data) // 16  # more rows than that there cannot be

    def as_it_lies(self) -> bytes:
        """The file with changed bytes and unchanged checksums."""
        data = bytearray(self._intact.data)
        borders = {0, HEADER.size, len(data) - TRAILER.size, len(data)}
        for section in self._sections.values():
            borders |= {section.offset, section.offset + section.length}
        for _ in range(self._rng.choice([1, 1, 1, 2, 5])):
            self._change(data, sorted(borders))
        return bytes(data)

    def with_right_checksums(self) -> bytes:
        """The file with other sections, another footer or both, and matching checksums."""
        contents = {
            place: bytearray(self._intact.data[section.offset : section.offset + section.length])
            for place, section in self._sections.items()
        }
        kind = self._rng.choice(["sections", "sections", "footer", "footer", "both"])
        if kind != "footer":
            for _ in range(self._rng.choice([1, 1, 2, 20])):
                self._change_section(contents)
        body, tree = self._laid_out(contents)
        if kind != "sections":
            for _ in range(self._rng.choice([1, 1, 2])):
                self._change_footer(tree)
            if (
                self._rng.random() < 0.8
            ):  # sections that lie about their place, but with that place's checksum
                self._fit_checksums(body, tree)
        return self._closed(body, tree)

    def _change(self, data: bytearray, borders: list[int]) -> None:
        """One change to bytes, in a section chosen with equal chances, so that small ones are changed too."""
        rng = self._rng
        start, end = rng.choice(list(pairwise(borders)))
        start, end = min(start, len(data)), min(end, len(data))
        spot = rng.choice([start, rng.randrange(start, max(end, start + 1)), max(start, end - 8)])
        aligned = spot - (spot - start) % 4
        size = rng.choice([1, 4, 8, 64, 512, 4096])
        changes: list[Callable[[], None]] = [
            lambda: self._flip(data, start, end),
            lambda: self._overwrite(data, aligned),
            lambda: self._overwrite(data, aligned),
            lambda: self._zero(data, spot, min(end, spot + size)),
            lambda: self._copy(data, spot, size),
            lambda: self._resize(data, spot, size),
        ]
        rng.choice(changes)()

    def _flip(self, data: bytearray, start: int, end: int) -> None:
        for _ in range(self._rng.choice([1, 1, 2, 8])):
            if start < end:
                data[self._rng.randrange(start, end)] ^= 1 << self._rng.randrange(8)

    def _overwrite(self, data: bytearray, spot: int) -> None:
        """A field of 4 or 8 bytes, or a run of them, becomes an extreme value or a near miss."""
        value = self._rng.choice(self._values)
        field = self._rng.choice([struct.pack("<I", value % 2**32), struct.pack("<Q", value % 2**64)])
        if self._rng.random() < 0.2:
            field = struct.pack("<f", self._rng.choice(FLOATS))
        field *= self._rng.choice([1, 1, 1, 40])
        end = min(len(data), spot + len(field))
        data[spot:end] = field[: max(0, end - spot)]

    def _zero(self, data: bytearray, start: int, end: int) -> None:
        data[start:end] = bytes(max(0, end - start))

    def _swap(self, data: bytearray, spot: int) -> None:
        self._copy(data, spot, 64)

    def _copy(self, data: bytearray, spot: int, size: int) -> None:
        """A range of bytes is swapped with another, or copied over it."""
        other = self._rng.randrange(len(data)) if data else 0
        size = min(size, len(data) - spot, len(data) - other)
        here, there = data[spot : spot + size], data[other : other + size]
        if self._rng.random() < 0.5:
            data[other : other + size] = here
        data[spot : spot + size] = there

    def _resize(self, data: bytearray, spot: int, size: int) -> None:
        match self._rng.randrange(5):
            case 0:
                del data[spot:]
            case 1:
                del data[max(0, len(data) - size) :]
            case 2:
                del data[spot : spot + size]
            case 3:
                data += self._rng.choice([bytes(size), self._rng.randbytes(size), bytes(data[-size:])])
            case _:
                data[spot:spot] = bytes(size)

    def _change_section(self, contents: dict[Place, bytearray]) -> None:
        rng = self._rng
        most = max(contents, key=lambda place: len(contents[place]))  # where searches spend their time
        place = rng.choice([most, rng.choice(list(contents))])
        content = contents[place]
        match rng.randrange(8):
            case 0:
                other = rng.choice(list(contents))
                contents[place], contents[other] = contents[other], contents[place]
            case 1:
                self._change(content, [0, len(content)])
            case 2:
                self._flip(content, 0, len(content))
            case 3 | 4 | 5:
                self._rearrange(content)
            case _:  # sizes stay what they are, or the first check would see all of it
                spot = rng.randrange(len(content) // 4 + 1) * 4
                change = rng.choice([self._overwrite, self._overwrite, self._swap])
                change(content, spot)

    def _rearrange(self, content: bytearray) -> None:
        """Small numbers, which are links or offsets, become other plausible ones."""
        rng = self._rng
        spots = [rng.randrange(len(content) // 4) * 4 for _ in range(200)] if len(content) >= 4 else []
        fields = {spot: bytes(content[spot : spot + 4]) for spot in spots}
        small = [spot for spot, field in fields.items() if int.from_bytes(field, "little") <= self._largest]
        others = [fields[spot] for spot in small]
        rng.shuffle(others)
        for spot, field in list(zip(small, others, strict=True))[: rng.choice([1, 20, 200])]:
            content[spot : spot + 4] = field

    def _laid_out(self, contents: dict[Place, bytearray]) -> tuple[bytearray, Any]:
        """The sections one after another after a header, and a footer that matches."""
        body = bytearray(HEADER.pack(self._intact.magic, self._intact.version, 0))
        tree = deepcopy(self._tree)
        for place in sorted(self._sections, key=lambda place: self._sections[place].offset):
            align = ALIGN if self._sections[place].offset % PAGE else PAGE
            body += bytes(-len(body) % align)
            put(tree, place, [len(body), len(contents[place]), zlib.crc32(contents[place])])
            body += contents[place]
        return body, tree

    def _change_footer(self, tree: Any) -> None:
        rng = self._rng
        place = rng.choice(list(leaves(tree)))
        parent, value = at(tree, place[:-1]), at(tree, place)
        match rng.randrange(8):
            case 0:
                put(tree, place, rng.choice([*FOREIGN, *map(msgspec.Raw, RAW)]))
            case 1:
                del parent[place[-1]]
            case 2 if isinstance(parent, list):
                parent.append(value)
            case 3 if isinstance(parent, list):
                rng.shuffle(parent)
            case 4:
                put(tree, place, deepcopy(at(tree, rng.choice(list(leaves(tree))))))
            case 5:
                tree["more"] = rng.choice([*FOREIGN, *map(msgspec.Raw, RAW)])
            case _ if isinstance(value, int):
                value = rng.choice([value - 8, value - 4, value - 1, value + 1, value + 4, value + 8])
                value = min(max(value, -(2**63)), 2**64 - 1)  # what msgpack can say
                put(tree, place, rng.choice([value, rng.choice(self._values)]))
            case _:
                put(tree, place, rng.choice(self._values))

    def _fit_checksums(self, body: bytearray, tree: Any) -> None:
        for place in self._sections:
            try:
                offset, length, _ = at(tree, place)
                stretch = body[offset : offset + length]
            except (LookupError, TypeError, ValueError):  # no section stands there any more
                continue
            put(tree, place, [offset, length, zlib.crc32(stretch)])

    def _closed(self, body: bytearray, tree: Any) -> bytes:
        """The whole file: header, sections, footer and trailer, with a correct last checksum."""
        rng, magic = self._rng, self._intact.magic
        if rng.random() < 0.03:
            version = rng.choice([0, 2, 2**32 - 1])
            body[: HEADER.size] = HEADER.pack(magic, version, rng.choice([0, 1]))
        footer = msgspec.msgpack.encode(tree)
        if rng.random() < 0.05:
            footer = rng.choice(
                [b"", *RAW, rng.randbytes(40), footer[: rng.randrange(len(footer))], footer * 2]
            )
        crc = zlib.crc32(footer, zlib.crc32(body[: HEADER.size]))
        return bytes(body) + footer + TRAILER.pack(len(footer), crc, magic)
