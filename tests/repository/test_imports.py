"""What is imported where: terminal libraries by commands only, no server by an embedded store."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("wal", "indexer", "query", "api", "client")
TERMINAL = {"click", "rich", "rich_click"}
MAY_IMPORT_TERMINAL = {
    "api/cli": "the commands",
    "client/progress.py": "a progress bar, imported when one is shown; without the library there is none",
}
SERVER = {"litestar", "uvicorn", "httptools", "aiohttp", "click", "rich", "rich_click"}
EMBEDDED = """
import sys
import asteroid_cloud.api as api

with api.open_blocking(sys.argv[1], dim=2) as store:
    store.insert(1, [1.0, 2.0], {"a": 1})
    assert [hit.id for hit in store.search([1.0, 2.0], k=1, filter={"a": 1})] == [1]
print(*{name.partition(".")[0] for name in sys.modules})
"""


def imported(path: Path) -> Iterator[str]:
    """The top-level packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("layer", LAYERS)
def test_only_commands_import_terminal_libraries(layer: str) -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / layer).rglob("*.py")
        if TERMINAL & {*imported(path)}
    }
    assert [name for name in found if not name.startswith(tuple(MAY_IMPORT_TERMINAL))] == []


def test_an_embedded_store_imports_no_server(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", EMBEDDED, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    names = set(ran.stdout.split())
    assert "asteroid_cloud" in names
    assert names & SERVER == set()
