"""What a restore to a point begins with: nothing, a tag, a checkpoint or a backup; the log does the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec

from asteroid_cloud.indexer.checkpoint.manifest import Manifest, newest_manifest
from asteroid_cloud.indexer.history.restore_point import Point
from asteroid_cloud.indexer.history.tags import UNREADABLE, read_tag, tag_names
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files
from asteroid_cloud.wal.errors import CorruptionError, InvalidRequest, LogPruned
from asteroid_cloud.wal.format import BulkLoaded
from asteroid_cloud.wal.transfer import LogSource, check_known


class Base(msgspec.Struct, frozen=True):
    """A state that is there already: the index as record ``lsn`` left it."""

    name: str
    lsn: Lsn
    manifest: Manifest | None = None

    @property
    def time_ms(self) -> int:
        """The time of record ``lsn``; 0 when it is not known."""
        return 0 if self.manifest is None else self.manifest.applied_ms


def bases_of(files: Files, layout: CollectionLayout, log: LogSource, is_backup: bool) -> Iterator[Base]:
    """All bases that a store or a backup offers."""
    if log.first_lsn == 1:
        yield Base("the first record", Lsn(0))
    manifest = newest_manifest(files, layout.index)
    if manifest is not None:
        yield Base("the backup" if is_backup else "the checkpoint", Lsn(manifest.applied_lsn), manifest)
    for name in tag_names(files, layout):
        try:
            tag = read_tag(files, layout, name)
            yield Base(f"tag {name}", Lsn(tag.lsn), tag.decoded())
        except UNREADABLE:
            continue


def lsn_of_point(
    files: Files,
    layout: CollectionLayout,
    log: LogSource,
    point: Point,
    bases: Sequence[Base],
    known_until_ms: int,
) -> Lsn:
    """The record that a point stands for; nothing is known of what was logged after ``known_until_ms``.

    Raises InvalidRequest ``bad_point``, NotFound ``no_tag``, LogPruned when the log begins after the time,
    Conflict ``other_history`` for a record that was abandoned.
    """
    given = [each for each in (point.lsn, point.time_ms, point.tag) if each is not None]
    if len(given) > 1:
        raise InvalidRequest("go back to an LSN, a time or a tag, not to several", code="bad_point")
    if point.tag is not None:
        return Lsn(read_tag(files, layout, point.tag).lsn)
    if point.time_ms is not None:
        return lsn_at(log, point.time_ms, known_until_ms, bases)
    if point.lsn is not None:
        if point.lsn < 0:
            raise InvalidRequest(f"an LSN is at least 0, not {point.lsn}", code="bad_point")
        for base in bases:
            if base.manifest is not None:
                base.manifest.branches().check(point.lsn)
        log.check_exists(point.lsn)
        return Lsn(point.lsn)
    newest = max((base.lsn for base in bases), default=Lsn(0))
    for frame in log.frames(log.first_lsn):
        newest = max(newest, frame.header.last_lsn)
    return newest


def lsn_at(log: LogSource, time_ms: int, known_until_ms: int, bases: Sequence[Base]) -> Lsn:
    """The last record that was logged up to a time.

    Raises InvalidRequest ``bad_point`` as ``LogSource.reached``, LogPruned when the log begins later and no
    base lies just before it.
    """
    first = log.first_lsn
    try:
        return log.reached(time_ms, known_until_ms)
    except LogPruned:
        before = [base.lsn for base in bases if base.lsn == first - 1 and 0 < base.time_ms <= time_ms]
        if not before:
            raise
        check_known(time_ms, known_until_ms)
        return before[0]


def time_of(log: LogSource, base: Base, lsn: Lsn) -> int | None:
    """When a record was logged, in milliseconds since 1970; None when that is not known."""
    if base.lsn == lsn and base.time_ms:
        return base.time_ms
    with suppress(LogPruned, CorruptionError):
        for frame in log.frames(lsn) if lsn else ():
            return frame.header.time_ms if frame.header.first_lsn <= lsn else None
    return None


def choose_base(log: LogSource, point: Point, bases: Sequence[Base], lsn: Lsn) -> Base:
    """The tag that was asked for, or the latest base from which the log leads to ``lsn``.

    Raises LogPruned, which says what can be reached.
    """
    named = [base for base in bases if base.name == f"tag {point.tag}"]
    if named:
        return named[0]
    first = log.first_lsn
    reaching = [base for base in bases if base.lsn == lsn or first - 1 <= base.lsn <= lsn]
    if not reaching:
        exact = ", ".join(f"{base.lsn} ({base.name})" for base in sorted(bases, key=lambda b: b.lsn))
        raise LogPruned(
            f"record {lsn} is out of reach: the log begins with {first}. "
            f"There is a way to {exact or 'nothing'}, and from these on as far as the log goes"
        )
    return max(reaching, key=lambda base: base.lsn)


def first_record_needed(log: LogSource, base: Base, lsn: Lsn) -> Lsn:
    """The record after the base, or the first of a bulk load that was begun before it and ends behind it."""
    if base.lsn >= lsn:
        return Lsn(lsn + 1)
    needed = Lsn(base.lsn + 1)
    for record in log.records(needed):
        if isinstance(record.event, BulkLoaded) and record.lsn <= lsn:
            needed = min(needed, Lsn(record.event.since))
        if record.lsn >= lsn:  # what comes next need not be there
            break
    return needed
