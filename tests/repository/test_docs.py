"""The documents: generated pages are fresh, links lead somewhere, each promise names its test."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from asteroid_cloud.api.http.settings.sources import load_settings
from ops.docs.pages import stale_pages

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {".venv", ".venv-peers", "build", ".demo", ".git", "dist"}
PAGES = sorted(path for path in ROOT.rglob("*.md") if not TOOLS & set(path.relative_to(ROOT).parts))
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose_of(path: Path) -> str:
    """The text without its blocks of code."""
    return FENCE.sub("", path.read_text())


def anchors_of(path: Path) -> set[str]:
    """The anchors that a page's headings make, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_generated_pages_are_what_the_code_says() -> None:
    assert stale_pages() == [], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors_of(path)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_in_the_text_exist(page: Path) -> None:
    layers = "wal|indexer|query|api|client|ops|tests"
    named = re.findall(rf"`((?:{layers})/[a-z_/]+[a-z](?:\.\w+)?)`", prose_of(page))
    assert [path for path in named if not list(ROOT.glob(f"{path}*"))] == []


def test_files_of_settings_in_the_documents_are_accepted() -> None:
    text = "".join(page.read_text() for page in PAGES)
    files = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert files
    for file in files:
        load_settings(tomllib.loads(file), {}, None)


def test_the_architecture_names_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    layers = ("wal", "indexer", "query", "api", "client")
    rooms = [
        path.parent.relative_to(ROOT) for layer in layers for path in ROOT.glob(f"{layer}/*/__init__.py")
    ]
    assert len(rooms) > 30
    assert [str(room) for room in rooms if f"]({room}/)" not in text] == []


def test_every_promise_names_a_test() -> None:
    page = ROOT / "docs" / "promises.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ") and "Promise" not in line]
    assert len(rows) > 20
    for row in rows:
        tests = [(page.parent / target).resolve() for target in LINK.findall(row.split(" | ")[-1])]
        assert tests, row
        for test in tests:
            assert test.name.startswith("test_"), row
            assert "def test_" in test.read_text(), row


def test_the_headline_figures_are_measured_ones() -> None:
    readme, results = (ROOT / "README.md").read_text(), (ROOT / "ops/bench/RESULTS.md").read_text()
    rows = re.findall(r"^\| .* \| (.*) \| `(make bench[a-z-]*)` \|$", readme, re.MULTILINE)
    assert len(rows) > 5
    targets = (ROOT / "Makefile").read_text()
    for figures, command in rows:
        assert f"\n{command.removeprefix('make ')}:" in targets
        for figure in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", re.sub(r"recall@10|p50", "", figures)):
            assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d,]|\.\d)", results), figure


def test_commands_in_the_results_can_be_run() -> None:
    commands = re.findall(
        r"^    python -m ops\.bench ?(\w*)", (ROOT / "ops/bench/RESULTS.md").read_text(), re.M
    )
    known = (ROOT / "ops/bench/__main__.py").read_text()
    assert commands
    assert [name for name in commands if name and f'"{name}"' not in known] == []
