"""The generated pages: their files, and whether these are what the code says now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ops.docs.errors import errors_page
from ops.docs.limits import limits_page
from ops.docs.settings import settings_page

FOLDER = Path(__file__).resolve().parents[2] / "docs"
PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": settings_page,
    "errors.md": errors_page,
    "limits.md": limits_page,
}


def stale_pages() -> list[str]:
    """The names of pages that are missing or differ from the code."""
    return [name for name, page in PAGES.items() if _stored(name) != page()]


def write_pages() -> list[str]:
    """Writes the stale pages and gives their names."""
    stale = stale_pages()
    for name in stale:
        (FOLDER / name).write_text(PAGES[name]())
    return stale


def _stored(name: str) -> str | None:
    path = FOLDER / name
    return path.read_text() if path.exists() else None
