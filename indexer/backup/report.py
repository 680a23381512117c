"""What a backup, and a restore from one, says about itself when it is done."""

from __future__ import annotations

import msgspec


class BackupReport(msgspec.Struct, frozen=True):
    """How a backup or a restore from one went."""

    lsn: int
    files: int
    bytes: int
    linked_bytes: int
    """Of them, those that an earlier backup had already."""
    seconds: float
    damaged: list[str] = []
    """Files of the earlier backup that are damaged, and why; those of the store were copied instead."""
