"""A new store from nothing but the log of another: a copy of the log, and an index built from it and checked.

The other store is only read, without its lock: a server may be writing it. Its log must reach back to record
1. As in a restore to a point in time, the new log has a higher epoch: it is another history.
"""

from __future__ import annotations

import secrets
import time

import msgspec

from asteroid_cloud.indexer.checkpoint.retention import carry_retention
from asteroid_cloud.indexer.history.given_out import highest_given_out
from asteroid_cloud.indexer.history.restore_point import Point
from asteroid_cloud.indexer.loss.loss_record import carry_losses
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.reindex.index_build import Progress
from asteroid_cloud.indexer.reindex.reindex import Reindex, ReindexReport
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files, StoreLayout
from asteroid_cloud.wal.errors import CorruptionError, LogPruned
from asteroid_cloud.wal.store import new_folder, peek
from asteroid_cloud.wal.transfer import STORE_NAME_BYTES, LogSource, NewHistory, copy_log


def reindex_into(
    files: Files, source: str, into: str, point: Point, options: EngineOptions, progress: Progress
) -> ReindexReport:
    """Makes a store in the folder ``into`` from the log of the store ``source``, up to a record or a moment.

    Without either it takes all records. The report's ``live_digest`` is that of the new index, read back
    from the disk. Raises Conflict ``not_empty`` when ``into`` holds anything, NotFound, LogPruned when the
    log begins later than record 1, InvalidRequest ``bad_point`` for a point that is not in it,
    CorruptionError for damage on the way or an index that reads back as another one, NoSpace, StorageError.
    """
    peek(files, source, backups=True)
    made = StoreLayout(into).collection()
    log = LogSource(files, [StoreLayout(source).collection().log])
    if log.first_lsn > 1:
        raise LogPruned(
            f"the log begins with record {log.first_lsn}; to build a whole store it must reach back to 1"
        )
    last, layout = _last(log, point), StoreLayout(source).collection()
    highest, epoch = highest_given_out(files, layout)
    history = NewHistory.above(highest, epoch, secrets.token_bytes(STORE_NAME_BYTES))
    with new_folder(files, into) as making:
        carry_retention(making, layout, made)
        carry_losses(making, layout, made, last, has_segments=False)
        copy_log(making, log, made.log, from_lsn=Lsn(1), until_lsn=last, epoch=history.epoch, history=history)
        reindex = Reindex(making, into, options)
        report, _ = reindex.apply_locked(progress)
        digest = reindex.live_digest_locked()
        if digest != report.digest:
            raise CorruptionError(made.index, 0, "the index does not read back as it was built")
    return msgspec.structs.replace(report, to_lsn=last, live_digest=digest, live_error=None)


def _last(log: LogSource, point: Point) -> Lsn:
    if point.lsn is not None:
        log.check_exists(point.lsn)
        return Lsn(point.lsn)
    if point.time_ms is None:
        return max((frame.header.last_lsn for frame in log.frames(Lsn(1))), default=Lsn(0))
    return log.reached(point.time_ms, time.time_ns() // 1_000_000)
