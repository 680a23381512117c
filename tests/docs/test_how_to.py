"""The how-to pages do what they say: every command and every block of Python on them is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.how_to import reader, steps_of

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "how-to"
PAGES = sorted(path.name for path in FOLDER.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = list(steps_of((FOLDER / name).read_text()))
    assert any(step.kind != "order" for step in steps), "a page without anything to run"
    with reader(tmp_path, monkeypatch) as following:
        for step in steps:
            following.follow(step, name)


def test_the_front_page_names_every_page() -> None:
    text = (FOLDER / "README.md").read_text()
    assert [name for name in PAGES if f"({name})" not in text] == []
