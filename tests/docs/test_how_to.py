"""The how-to pages and the operating page do what they say: all their commands and Python are run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.how_to import reader, steps_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "how-to"
OTHERS = (ROOT / "README.md", ROOT / "docs" / "operating.md")
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("page", [*OTHERS, *PAGES], ids=lambda page: page.stem)
def test_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = list(steps_of(page.read_text()))
    assert any(step.kind != "order" for step in steps), "a page without anything to run"
    with reader(tmp_path, monkeypatch) as following:
        for step in steps:
            following.follow(step, page.name)


def test_the_front_page_names_every_page() -> None:
    text = (FOLDER / "README.md").read_text()
    assert [page.name for page in PAGES if f"({page.name})" not in text] == []
