"""The rooms of the C++ core: includes point downwards only, and are rooted at ``indexer/native``.

A room is a folder; ``MAY_INCLUDE`` says which other rooms its files may include.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "indexer" / "native"
MAY_INCLUDE: dict[str, set[str]] = {
    "json": set(),
    "quant": set(),
    "threads": set(),
    "scratch": set(),
    "names": {"quant"},
    "columns": {"json", "scratch"},
    "parts": {"names", "quant"},
    "search": {"parts", "quant", "threads"},
    "builder": {"names", "parts", "quant", "scratch"},
    "build": {"builder", "search", "parts", "quant", "threads"},
    "words": set(),
    "postings": {"json", "parts", "search", "threads", "words"},
    "finish": {"build", "builder", "search", "parts", "threads"},
    "bind": {
        *{"finish", "build", "builder", "search", "parts", "names"},
        *{"columns", "quant", "threads", "json", "scratch"},
        *("finish", "build", "builder", "postings", "search", "parts", "names", "columns", "quant"),
        *("threads", "json", "words"),
    },
}
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
FILES = sorted(path for path in NATIVE.rglob("*") if path.suffix in {".cpp", ".hpp"})
ROOM_MODULES_MAX = 9  # a header with its source counts once


def room_of(path: Path) -> str:
    return path.relative_to(NATIVE).parts[0]


def includes_of(path: Path) -> Iterator[Path]:
    for name in INCLUDE.findall(path.read_text()):
        yield NATIVE / name


def test_every_file_stands_in_a_declared_room() -> None:
    assert {room_of(path) for path in FILES} == set(MAY_INCLUDE)


def test_includes_are_rooted_at_the_core() -> None:
    wrong = [(path, each) for path in FILES for each in includes_of(path) if not each.exists()]
    assert wrong == []


@pytest.mark.parametrize("room", MAY_INCLUDE)
def test_a_room_includes_only_what_the_table_allows(room: str) -> None:
    used = {
        room_of(each)
        for path in FILES
        if room_of(path) == room
        for each in includes_of(path)
        if room_of(each) != room
    }
    assert used == MAY_INCLUDE[room]


def test_no_two_rooms_include_each_other() -> None:
    rooms = dict(MAY_INCLUDE)
    while rooms:
        ground = {room for room, below in rooms.items() if not below & set(rooms)}
        assert ground, f"a circle among {sorted(rooms)}"
        rooms = {room: below for room, below in rooms.items() if room not in ground}


@pytest.mark.parametrize("room", MAY_INCLUDE)
def test_rooms_are_small(room: str) -> None:
    assert len({path.stem for path in FILES if room_of(path) == room}) <= ROOM_MODULES_MAX


def test_only_the_bindings_know_python() -> None:
    wrong = [path for path in FILES if room_of(path) != "bind" and "pybind11" in path.read_text()]
    assert wrong == []


def test_headers_are_included_once() -> None:
    assert [path for path in FILES if path.suffix == ".hpp" and "#pragma once" not in path.read_text()] == []


def test_the_core_is_a_leaf() -> None:
    modules = [
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for path in (NATIVE / "__init__.py", NATIVE / "core.pyi")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    assert [name for name in modules if name and name.startswith("asteroid_cloud")] == []
