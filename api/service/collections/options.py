"""How many collections there may be, and how long one stays open that nobody uses."""

from __future__ import annotations

import msgspec

from asteroid_cloud.api.service.quality.options import QualityOptions
from asteroid_cloud.api.service.reading.bounds import ReadBounds

COLLECTIONS_MAX_DEFAULT = 1_000
IDLE_S_DEFAULT = 300.0


class CollectionsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for all collections of a store."""

    collections_max: int = COLLECTIONS_MAX_DEFAULT
    """Collections beside ``default``."""
    idle_s: float = IDLE_S_DEFAULT
    """Seconds without a call after which a collection is closed."""
    backup_folder: str | None = None
    awaits_index: bool = False
    """Whether ``default`` serves nothing until its index is ensured."""
    quality: QualityOptions | None = None
    bounds: ReadBounds | None = None
