"""What tests may look at inside an engine: its parts, which programs never see."""

from __future__ import annotations

from asteroid_cloud.indexer import Engine
from asteroid_cloud.indexer.recovery.wiring import StoreParts


def inside(engine: Engine) -> StoreParts:
    """The parts of a recovered engine: its log, state, checkpointer and so on."""
    opened = engine._opening.opened
    assert opened is not None, "the engine has not recovered"
    return opened


def data_directory(engine: Engine) -> str:
    """Where the engine keeps its store."""
    return engine._opening.layout.root


def open_feeds(engine: Engine) -> int:
    """How many change feeds the engine has open."""
    return engine._feeds
