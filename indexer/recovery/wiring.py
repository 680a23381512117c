"""The parts of an open store, and how they are connected."""

from __future__ import annotations

from dataclasses import dataclass

from asteroid_cloud.indexer.backup.writer import BackupWriter
from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.checkpoint.index_folder import IndexFolder
from asteroid_cloud.indexer.checkpoint.log_trimmer import LogTrimmer
from asteroid_cloud.indexer.checkpoint.open_checkpoint import Recovered
from asteroid_cloud.indexer.history.history import History
from asteroid_cloud.indexer.history.tagged_segments import TaggedSegments
from asteroid_cloud.indexer.maintenance.claims import Claims
from asteroid_cloud.indexer.maintenance.merger import Merger
from asteroid_cloud.indexer.maintenance.page_cache import PageCache
from asteroid_cloud.indexer.maintenance.sealer import Sealer
from asteroid_cloud.indexer.maintenance.text_indexer import TextIndexer
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.results import Recovery
from asteroid_cloud.indexer.recovery.replay import Replay
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.backpressure import Backpressure
from asteroid_cloud.indexer.state.log_applier import Applier
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal.append import LocalLog
from asteroid_cloud.wal.disk import CollectionLayout, Files


@dataclass(frozen=True, slots=True)
class StoreParts:
    """The parts of an open store at work."""

    log: LocalLog
    state: State
    applier: Applier
    backpressure: Backpressure
    checkpointer: Checkpointer
    history: History
    backups: BackupWriter
    builder: SegmentBuilder
    sealer: Sealer
    merger: Merger
    texts: TextIndexer
    claims: Claims
    """Which segments the sealer or the merger works on."""
    pages: PageCache
    recovery: Recovery
    """What was found when the store was opened."""
    staged: dict[int, list[Segment]]
    """Segments of bulk loads that are built and about to be committed."""


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """What is open before the parts are: the checkpoint, the log behind it, and who builds segments."""

    files: Files
    layout: CollectionLayout
    log: LocalLog
    recovered: Recovered
    tagged: TaggedSegments
    builder: SegmentBuilder


def wire(opened: OpenFiles, replay: Replay, options: EngineOptions, recovery: Recovery) -> StoreParts:
    """Makes the parts of a store whose log has been replayed, and connects them; none of them runs yet."""
    files, layout, log = opened.files, opened.layout, opened.log
    state, applier, builder = replay.state, replay.applier, opened.builder
    backpressure = Backpressure(
        options.tail_rows_max,
        builder.budget.tail,
        lambda: (state.tail_rows, state.tail_bytes + state.deletion_bytes_after(checkpointer.lsn)),
        lambda: sealer.make_room(),
        lambda: merger.pileup,
        lambda: sealer.no_space,
    )
    # What a store that cannot seal holds beyond its part must not keep others waiting for it.
    builder.budget.tail.can_shrink = lambda: sealer.no_space is None and applier.failure is None
    folder = IndexFolder(files, layout.index, opened.recovered, opened.tagged, replay.numbers_taken)
    checkpointer = Checkpointer(folder, LogTrimmer(log, options), state, applier, backpressure)
    claims = Claims()
    sealer = Sealer(builder, state, applier, checkpointer, claims, options)
    merger = Merger(builder, state, applier, checkpointer, claims, options)
    return StoreParts(
        log=log,
        state=state,
        applier=applier,
        backpressure=backpressure,
        checkpointer=checkpointer,
        history=History(files, layout, checkpointer, opened.tagged),
        backups=BackupWriter(files, layout, checkpointer, log),
        builder=builder,
        sealer=sealer,
        merger=merger,
        texts=TextIndexer(builder, state, applier, checkpointer),
        claims=claims,
        pages=PageCache(state, checkpointer, options),
        recovery=recovery,
        staged=replay.staged,
    )
