"""What tests may look at inside an engine: its parts, which programs never see."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer import Engine
from asteroid_cloud.indexer.limits import FEEDS_MAX
from asteroid_cloud.indexer.recovery.wiring import StoreParts


def inside(engine: Engine) -> StoreParts:
    """The parts of a recovered engine: its log, state, checkpointer and so on."""
    opened = engine._supervisor.opened
    assert opened is not None, "the engine has not recovered"
    return opened


def data_directory(engine: Engine) -> str:
    """Where the engine keeps its store."""
    return engine._supervisor.layout.root


def open_feeds(engine: Engine) -> int:
    """How many change feeds the engine has open."""
    return engine.admin.open_feeds


def use_up_feeds(patch: pytest.MonkeyPatch, engine: Engine) -> None:
    """Makes the engine believe that as many change feeds are open as are allowed."""
    patch.setattr(engine.budget.shared.limits, "feeds", FEEDS_MAX)
