"""Trimming the log behind a checkpoint, as far as retention and pins allow."""

from __future__ import annotations

from asteroid_cloud.indexer.checkpoint.pins import LogPins
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import NOTHING, Log, Retention
from asteroid_cloud.wal.errors import Conflict

TRIM_EVERY_S_MIN, TRIM_EVERY_S_MAX = 0.1, 600.0
"""How often a log whose retention has an age is trimmed although nothing is written."""


class LogTrimmer:
    """The only one to trim the log of an open store."""

    def __init__(self, log: Log, options: EngineOptions) -> None:
        self.pins = LogPins()
        """What of the log must stay."""
        self._log = log
        """``options`` are settled: they say what the store keeps."""
        kept = options.log_retention
        self._is_kept_whole = bool(options.keep_log)
        self._retention = kept if isinstance(kept, Retention) else NOTHING

    async def trim(self, checkpoint: Lsn) -> None:
        """Trims what a checkpoint at this record makes superfluous, and retention does not keep."""
        self.pins.drop_reached(checkpoint)
        if not self._is_kept_whole:
            await self._log.trim(Lsn(self.pins.earliest(checkpoint) + 1), self._retention)

    async def trim_all(self, checkpoint: Lsn) -> None:
        """Trims all that the checkpoint makes superfluous, whatever retention says.

        Raises Conflict ``purge_blocked`` while a bulk load or a backup needs the log.
        """
        self.pins.drop_reached(checkpoint)
        if not self.pins.is_empty:
            raise Conflict("a bulk load or a backup is under way, which needs the log", code="purge_blocked")
        await self._log.trim(Lsn(checkpoint + 1))

    @property
    def interval_s(self) -> float | None:
        """How often to trim although nothing is written; None when retention has no age."""
        age_ms_max = self._retention.age_ms_max
        if age_ms_max is None:
            return None
        return min(TRIM_EVERY_S_MAX, max(TRIM_EVERY_S_MIN, age_ms_max / 4000))
