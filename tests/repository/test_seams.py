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


@pytest.mark.parametrize("call", ["files.create(p)", "self._files.create(p)", "x.open_append(p)"])
def test_what_opens_a_file_is_seen(call: str) -> None:
    assert any(map(opens_for_writing, ast.walk(ast.parse(call))))
