"""The names of a data directory are spelled in the layout only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from asteroid_cloud.wal.disk import layout

ROOT = Path(__file__).resolve().parents[2]
LAYOUT = ROOT / "wal" / "disk" / "layout.py"
FOLDERS = ("wal", "indexer", "query", "api", "ops")
NAMES = "|".join(
    re.escape(name)
    for name in (layout.LOCK, layout.LOST, layout.BACKUP_LIST, "index.rebuilt", "index.broken", "replaced.")
)
SPELLED = re.compile(rf"^/?({NAMES})|/(wal|index|tags|restored)$|^(wal|index|tags)/")
ROUTES = re.compile(r"^/(v1|index|tags|$)")
"""Paths of URLs, which are no paths of files."""
OTHER_FOLDERS = {"ops/bench/peers"}
"""Other databases have folders of their own."""


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """The strings of a module but its docstrings."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def spelled(source: str) -> list[int]:
    """The lines that spell a name of the data directory."""
    tree = ast.parse(source)
    joined, inner = set[int](), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            joined.add(id(node.right))
        elif isinstance(node, ast.JoinedStr):
            inner |= {id(part) for part in node.values[1:]}
    lines = []
    for node in literals(tree):
        text = f"/{node.value}" if id(node) in joined else str(node.value)
        is_route = id(node) not in joined | inner and ROUTES.match(text)
        if SPELLED.search(text) and not is_route:
            lines.append(node.lineno)
    return lines


def test_no_path_of_a_store_is_spelled_outside_of_the_layout() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != LAYOUT
        and path.name != "__init__.py"
        and str(path.parent.relative_to(ROOT)) not in OTHER_FOLDERS
        for line in spelled(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    ['f"{store}/wal"', 'f"{a}/index"', 'folder / "wal"', 'x = "LOCK"', 'f"{s}/lost.json"', 'y = "index/x"'],
)
def test_a_spelled_path_is_seen(source: str) -> None:
    assert spelled(source) == [1]


@pytest.mark.parametrize(
    "source", ['"/v1/index"', 'details["index"]', '"""The folder/wal"""', 'Path("x") / "y"']
)
def test_other_strings_are_not(source: str) -> None:
    assert spelled(source) == []
