"""One way for each thing: what only one room may do is done nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("wal", "indexer", "query", "api")
DISK = ROOT / "wal" / "disk"
WRITERS = {
    "wal/append/writer.py": "the log's newest file is written at its end",
    "indexer/segment/container.py": "a segment's file counts only once a manifest names it",
}
"""Who opens files for writing outside of ``wal/disk``, each with its reason."""


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def opens_for_writing(node: ast.AST) -> bool:
    """Whether this is a call such as ``files.create(path)`` or ``self._files.open_append(path)``."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return node.func.attr == "open_append" or (node.func.attr == "create" and name.endswith("files"))


def test_only_the_disk_room_opens_files_for_writing() -> None:
    found = {
        name_of(path)
        for path in sources(*LAYERS)
        if path.parent != DISK and any(map(opens_for_writing, ast.walk(ast.parse(path.read_text()))))
    }
    assert found == set(WRITERS)


SYSTEM_CALLS = {"open", "rename", "replace", "unlink", "fsync", "fdatasync", "truncate"}


def calls_the_system(node: ast.AST) -> bool:
    """Whether this is ``open(…)``, or a call such as ``os.rename(…)`` that changes files."""
    match node:
        case ast.Call(func=ast.Name(id="open")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr=name)):
            return name in SYSTEM_CALLS
    return False


def test_only_the_disk_room_calls_the_system() -> None:
    found = [
        name_of(path)
        for path in sources("wal", "indexer")
        if path.parent != DISK and any(map(calls_the_system, ast.walk(ast.parse(path.read_text()))))
    ]
    assert found == []


@pytest.mark.parametrize("call", ["files.create(p)", "self._files.create(p)", "x.open_append(p)"])
def test_what_opens_a_file_is_seen(call: str) -> None:
    assert any(map(opens_for_writing, ast.walk(ast.parse(call))))


@pytest.mark.parametrize("call", ["open(p)", "os.rename(a, b)", "os.fsync(f)"])
def test_what_calls_the_system_is_seen(call: str) -> None:
    assert any(map(calls_the_system, ast.walk(ast.parse(call))))


TERMINAL = {"click", "rich", "rich_click"}
TERMINAL_USERS = {
    "client/progress.py": "a bar while a program loads, where rich is installed and a person looks",
}
"""Who draws on a terminal outside of the command line, each with its reason."""


def imported_modules(path: Path) -> set[str]:
    """The top names of all that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_only_commands_draw_on_a_terminal() -> None:
    allowed = (ROOT / "api" / "cli", ROOT / "ops" / "demo", ROOT / "ops" / "bench")
    found = {
        name_of(path)
        for path in sources(*LAYERS, "client", "ops")
        if not any(folder in path.parents for folder in allowed) and imported_modules(path) & TERMINAL
    }
    assert found == set(TERMINAL_USERS)


def catches_bad_frames(node: ast.AST) -> bool:
    """Whether this is an ``except`` clause that names BadFrame."""
    return isinstance(node, ast.ExceptHandler) and node.type is not None and "BadFrame" in ast.dump(node.type)


def test_only_the_reading_room_judges_bad_frames() -> None:
    found = [
        name_of(path)
        for path in sources(*LAYERS)
        if path.parent != ROOT / "wal" / "read"
        and any(map(catches_bad_frames, ast.walk(ast.parse(path.read_text()))))
    ]
    assert found == []


LOCKING = {"lock", "lock_shared", "lock_folder", "lock_directory", "look_at_directory"}
GATE = {"wal/disk", "wal/store"}


def locks_a_store(node: ast.AST) -> bool:
    """Whether this is a call such as ``files.lock(path)`` or ``lock_directory(files, path)``."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in LOCKING
        case ast.Call(func=ast.Attribute(attr=name), args=[_, *_]):
            return name in LOCKING
    return False


def test_only_the_gate_locks_a_store() -> None:
    found = [
        name_of(path)
        for path in sources(*LAYERS)
        if name_of(path.parent) not in GATE and any(map(locks_a_store, ast.walk(ast.parse(path.read_text()))))
    ]
    assert found == []


@pytest.mark.parametrize("call", ["files.lock(p)", "self._files.lock_shared(p)", "lock_directory(files, p)"])
def test_what_locks_a_store_is_seen(call: str) -> None:
    assert any(map(locks_a_store, ast.walk(ast.parse(call))))
