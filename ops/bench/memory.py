"""Resident memory of a process, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path

import msgspec

FIELDS = {"RssAnon": "anon_kib", "RssFile": "file_kib", "VmHWM": "peak_kib"}


class Memory(msgspec.Struct, frozen=True):
    """Anonymous pages stay in RAM; file pages are mapped files, which the kernel may drop."""

    anon_kib: int = 0
    file_kib: int = 0
    peak_kib: int = 0
    """The peak of resident memory, both kinds together."""


def memory_of(pid: int | str = "self") -> Memory:
    """The resident memory of a process now."""
    found: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in FIELDS:
            found[FIELDS[name]] = int(rest.split()[0])
    return Memory(**found)


def bytes_under(folder: Path) -> int:
    """Bytes that the files of a folder take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
