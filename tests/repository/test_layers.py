"""Imports point downwards only: api → query → indexer → wal, and the client knows none of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "wal": {"wal"},
    "indexer": {"indexer", "wal"},
    "query": {"query", "indexer", "wal"},
    "api": {"api", "query", "indexer", "wal"},
    "client": {"client"},
}


def imported_layers(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("asteroid_cloud."):
                yield node.lineno, name.split(".")[1]


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_itself_and_what_lies_below(layer: str) -> None:
    upward = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for path in sorted((ROOT / layer).rglob("*.py"))
        for line, target in imported_layers(path)
        if target not in MAY_IMPORT[layer]
    ]
    assert upward == []


@pytest.mark.parametrize("layer", ["wal", "indexer"])
def test_only_the_file_layer_opens_files(layer: str) -> None:
    banned = {"open", "rename", "replace", "unlink", "fsync", "fdatasync", "truncate"}
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / layer).rglob("*.py"))
        if path.name not in {"files.py", "lock.py"}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "open")
            or (
                isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "os"
                and node.func.attr in banned
            )
        )
    ]
    assert calls == []
