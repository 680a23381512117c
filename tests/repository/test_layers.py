"""The house: layers, and rooms inside them. Imports point downwards only.

A room is a folder of a layer; a file beside the rooms is in the table by its own name. ``ROOMS`` lists the
storeys of each layer from the ground up. A room may import itself and the rooms on lower storeys; rooms on
one storey do not know each other. Other layers import what an ``__init__`` exports, or an ``OPEN_MODULES``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS_BELOW = {
    "wal": (),
    "indexer": ("wal",),
    "query": ("indexer", "wal"),
    "api": ("query", "indexer", "wal"),
    "client": (),
}
ROOMS: dict[str, tuple[str, ...]] = {
    "wal": (
        "lsn limits",
        "errors",
        "histories",
        "disk",
        "store",
        "format",
        "read",
        "repair",
        "append",
        "transfer",
    ),
    "indexer": (
        "native limits",
        "texts",
        "model",
        "memory loss",
        "segment",
        "state",
        "build",
        "checkpoint",
        "maintenance history feed catalog",
        "backup reindex",
        "check",
        "recovery",
        "bulk_admission whole_store",
        "bulk_load memory_use stats write_events",
        "write_path decide",
        "admin requests decided_writes text_definitions",
        "engine",
    ),
    "query": ("limits costs", "work", "filters", "selection", "records fields", "text", "knn", "estimates"),
    "api": (
        "limits",
        "service",
        "wire",
        "routing",
        "embedded routes",
        "openapi",
        "http",
        "reference",
        "cli",
        "__main__",
    ),
    "client": (
        "errors inherited",
        "arguments",
        "results settings progress",
        "protocol",
        "filters bulk",
        "aio sync",
    ),
}
OPEN_MODULES = {
    "asteroid_cloud.wal.errors",
    "asteroid_cloud.wal.limits",
    "asteroid_cloud.indexer.limits",
    "asteroid_cloud.query.limits",
    "asteroid_cloud.indexer.native.core",
}
"""Besides what an ``__init__`` exports: errors and limits are lists of names, the compiled core is a leaf."""

EXCEPTIONS: dict[tuple[str, str], str] = {}
"""Arrows that point up or sideways, each with its reason."""

FILES_IN_A_FOLDER_MAX = 14


@dataclass(frozen=True)
class Import:
    """One imported name, and where it is imported."""

    path: Path
    line: int
    module: str
    name: str

    @property
    def target(self) -> Path:
        """The file that the name, or its module, stands in."""
        base = ROOT.joinpath(*self.module.split(".")[1:])
        inside = base / f"{self.name}.py"
        if inside.exists():
            return inside
        package = base / self.name / "__init__.py"
        if package.exists():
            return package
        return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")

    @property
    def is_within_a_layer(self) -> bool:
        """Whether importer and imported belong to one layer."""
        return layer_of(self.path) == layer_of(self.target)

    @property
    def arrow(self) -> tuple[str, str] | None:
        """From which room to which other of the same layer; None for any other import."""
        layer, here, there = layer_of(self.path), room_of(self.path), room_of(self.target)
        is_between_rooms = self.is_within_a_layer and here and there and here != there
        return (f"{layer}/{here}", f"{layer}/{there}") if is_between_rooms else None

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}.{self.name}"


def imports_of(path: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("asteroid_cloud."):
                    module, _, name = alias.name.rpartition(".")
                    yield Import(path, node.lineno, module, name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                if f"{node.module}.".startswith("asteroid_cloud."):
                    yield Import(path, node.lineno, node.module or "", alias.name)


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def room_of(path: Path) -> str:
    """The folder below the layer, or the file's own name; empty for the layer's ``__init__``."""
    parts = path.relative_to(ROOT).parts
    if len(parts) > 2:
        return parts[1]
    return "" if path.name == "__init__.py" else path.stem


def storeys() -> dict[str, int]:
    """How high each room lies in its layer, as ``layer/room``."""
    return {
        f"{layer}/{room}": height
        for layer, rows in ROOMS.items()
        for height, row in enumerate(rows)
        for room in row.split()
    }


FILES = [path for layer in ROOMS for path in sorted((ROOT / layer).rglob("*.py"))]
IMPORTS = [each for path in FILES for each in imports_of(path)]


@pytest.mark.parametrize("layer", ROOMS)
def test_every_file_stands_in_a_declared_room(layer: str) -> None:
    rooms = {room_of(path) for path in FILES if layer_of(path) == layer} - {""}
    assert rooms == {room for row in ROOMS[layer] for room in row.split()}


@pytest.mark.parametrize("layer", ROOMS)
def test_a_layer_imports_only_itself_and_what_lies_below(layer: str) -> None:
    allowed = {layer, *LAYERS_BELOW[layer]}
    own = [each for each in IMPORTS if layer_of(each.path) == layer]
    assert [str(each) for each in own if layer_of(each.target) not in allowed] == []


def test_a_room_imports_only_itself_and_what_lies_below() -> None:
    height = storeys()
    upwards = [
        each for each in IMPORTS if each.arrow is not None and height[each.arrow[1]] >= height[each.arrow[0]]
    ]
    assert [str(each) for each in upwards if each.arrow not in EXCEPTIONS] == []
    unused = set(EXCEPTIONS) - {each.arrow for each in upwards}
    assert unused == set(), "exceptions that nothing needs any more"


def test_every_exception_has_a_reason() -> None:
    assert [arrow for arrow, reason in EXCEPTIONS.items() if not reason.strip()] == []


def test_nobody_imports_an_enclosing_package() -> None:
    wrong = [
        str(each)
        for each in IMPORTS
        if each.path.name != "__init__.py"
        and each.target.name == "__init__.py"
        and each.target.parent in each.path.parents
    ]
    assert wrong == []


def exported(init: Path) -> set[str]:
    for node in ast.parse(init.read_text()).body:
        if isinstance(node, ast.Assign) and any(
            getattr(name, "id", "") == "__all__" for name in node.targets
        ):
            return set(ast.literal_eval(node.value))
    return set()


def test_other_layers_import_only_what_is_exported() -> None:
    wrong = []
    for each in IMPORTS:
        if each.is_within_a_layer or each.module in OPEN_MODULES or each.module == "asteroid_cloud":
            continue
        init = ROOT.joinpath(*each.module.split(".")[1:]) / "__init__.py"
        if f"{each.module}.{each.name}" not in OPEN_MODULES and (
            not init.exists() or each.name not in exported(init)
        ):
            wrong.append(str(each))
    assert wrong == []


@pytest.mark.parametrize("layer", ROOMS)
def test_folders_are_small_and_say_what_they_answer(layer: str) -> None:
    for folder in [ROOT / layer, *(path for path in (ROOT / layer).rglob("*") if path.is_dir())]:
        files = list(folder.glob("*.py"))
        if not files:
            continue
        assert len(files) <= FILES_IN_A_FOLDER_MAX, f"{folder} has {len(files)} Python files"
        docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
        is_layer = folder == ROOT / layer
        assert is_layer or "?" in docstring.splitlines()[0], f"{folder}/__init__.py answers no question"
