"""What tests may look at inside a log that is open for appending, which programs never see."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal import LocalLog
from asteroid_cloud.wal.append.group_commit import GroupCommitter


def replace_writer_lock(patch: pytest.MonkeyPatch, log: LocalLog, lock: object) -> None:
    """Lets the log's writer take ``lock`` for each of its steps."""
    patch.setattr(log._writer, "_lock", lock)


def queue_length(committer: GroupCommitter) -> int:
    """How many appends are queued and not under way yet."""
    return len(committer._queue)
