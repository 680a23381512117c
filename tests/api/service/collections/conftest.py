"""What tests of collections watch."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer import Engine


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the collections that were opened, in order."""
    seen: list[str] = []
    original = Engine.open_in

    def noted(store: object, id_: str, *more: object) -> object:
        seen.append(id_)
        return original(store, id_, *more)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(Engine, "open_in", noted)
    return seen
