"""What an operator can choose about sampling."""

from __future__ import annotations

import msgspec

from asteroid_cloud.wal.errors import InvalidRequest

SAMPLE_EVERY_DEFAULT = 100
RECALL_MIN_DEFAULT = 0.95


class QualityOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How many searches are repeated exactly, and what recall is good enough."""

    sample_every: int = SAMPLE_EVERY_DEFAULT
    """One search of so many is sampled; 0 for none."""
    recall_min: float = RECALL_MIN_DEFAULT
    """Below this, searches that name no ``ef_search`` look farther; 0 for never."""


def checked_options(sample_every: object, recall_min: object) -> QualityOptions:
    """Options within their bounds; raises InvalidRequest ``bad_settings``."""
    if isinstance(sample_every, bool) or not isinstance(sample_every, int) or sample_every < 0:
        raise InvalidRequest("recall_sample_every must be an integer from 0", code="bad_settings")
    if isinstance(recall_min, bool) or not isinstance(recall_min, int | float) or not 0 <= recall_min <= 1:
        raise InvalidRequest("recall_min must be a number from 0 to 1", code="bad_settings")
    return QualityOptions(sample_every=sample_every, recall_min=recall_min)
