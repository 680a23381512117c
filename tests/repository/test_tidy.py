"""The house style, as far as a machine can see it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("wal", "indexer", "query", "api", "client")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
CLASS_LINES_MAX = 250
LINE_COLUMNS_MAX = 110
BANNED_NAMES = {"utils", "util", "helpers", "common", "manager", "base", "misc"}
# Spelled so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")

PYTHON = sorted(path for folder in (*LAYERS, "tests", "ops") for path in (ROOT / folder).rglob("*.py"))
NATIVE = sorted(
    path
    for folder in (*LAYERS, "tests", "ops")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".cpp", ".hpp"}
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*PYTHON, *NATIVE], ids=name_of)
def test_files_are_small_and_finished(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= FILE_LINES_MAX
    assert [i for i, line in enumerate(lines, 1) if len(line) > LINE_COLUMNS_MAX] == []
    assert [i for i, line in enumerate(lines, 1) if UNFINISHED.search(line)] == []
    assert path.stem not in BANNED_NAMES


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_functions_and_classes_are_small(path: Path) -> None:
    long = []
    for node in ast.walk(ast.parse(path.read_text())):
        size = (getattr(node, "end_lineno", 0) or 0) - getattr(node, "lineno", 0) + 1
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and size > FUNCTION_LINES_MAX:
            long.append(f"{node.name}: {size} lines")
        is_product = path.relative_to(ROOT).parts[0] != "tests"
        if isinstance(node, ast.ClassDef) and size > CLASS_LINES_MAX and is_product:
            long.append(f"{node.name}: {size} lines")
    assert long == []


@pytest.mark.parametrize(
    "path", [path for path in PYTHON if path.relative_to(ROOT).parts[0] in LAYERS], ids=name_of
)
def test_public_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    bare = [] if ast.get_docstring(tree) else ["the module"]
    owners: list[ast.Module | ast.ClassDef] = [tree]
    owners += [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for owner in owners:
        for node in owner.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node):
                bare.append(node.name)
    assert bare == []


@pytest.mark.parametrize("layer", LAYERS)
def test_the_architecture_names_every_folder(layer: str) -> None:
    assert f"({layer}/)" in (ROOT / "ARCHITECTURE.md").read_text()


@pytest.mark.parametrize("layer", LAYERS)
def test_a_folder_exports_what_it_says(layer: str) -> None:
    tree = ast.parse((ROOT / layer / "__init__.py").read_text())
    logic = [
        node
        for node in tree.body
        if not isinstance(node, ast.ImportFrom | ast.Import | ast.Assign | ast.Expr)
    ]
    assert logic == []
    assert "__all__" in (ROOT / layer / "__init__.py").read_text()
