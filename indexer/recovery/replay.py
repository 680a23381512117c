"""Replaying the log at the start: its records beyond the checkpoint are applied to the checkpoint's state."""

from __future__ import annotations

import time
from collections.abc import Callable

from anyio import to_thread

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.bulk_builder import BulkBuilder
from asteroid_cloud.indexer.checkpoint.open_checkpoint import Recovered
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.results import Phase
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.log_applier import Applier
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import LocalLog, next_group
from asteroid_cloud.wal.format import BulkLoaded


class Replay:
    """The state of a checkpoint, brought up to the newest record of the log."""

    def __init__(
        self, log: LocalLog, builder: SegmentBuilder, recovered: Recovered, options: EngineOptions
    ) -> None:
        self.staged: dict[int, list[Segment]] = {}
        """Segments of bulk loads that are built and about to be committed."""
        self.numbers_taken = 0
        """Segments that the replay has built: bulk loads that no checkpoint holds yet."""
        self.records = 0
        """Records that were applied."""
        self.state = State(options, builder.budget, self._segments_of)
        self.state.spec, self.state.created_lsn = recovered.spec, recovered.created_lsn
        self.state.moves_on(recovered.applied_lsn, recovered.applied_ms)
        self.state.histories = recovered.histories
        self.state.text = recovered.text
        builder.text_of = lambda: self.state.text
        self.state.requests.load(recovered.requests)
        self.state.segments = list(recovered.segments)
        self.applier = Applier(self.state, builder.budget.shared.limits.apply_threads)
        self._log = log
        self._builder = builder
        self._options = options
        self._after = recovered.applied_lsn
        self._first_number = recovered.next_segment

    async def run(self, report: Callable[[Phase], None]) -> None:
        """Applies what the checkpoint does not hold, and says how far it is."""
        log, after = self._log, self._after
        total, began_s = log.count(after, log.durable_lsn), time.monotonic()
        self.applier.publish()
        records = log.read(Lsn(after + 1)) if total else iter(())
        while group := await to_thread.run_sync(next_group, records):
            await self.applier.replay(group)
            self._builder.budget.tail.settle()
            self.records += len(group)
            done = self.records / total
            left_s = (time.monotonic() - began_s) * (1 - done) / done
            detail = f"replaying the log, LSN {group[-1].lsn}"
            report(Phase("recovering", done, detail, eta_s=round(left_s, 3)))
        # Read once: the page cache is for what searches read. The segments checked before are just that.
        await to_thread.run_sync(log.forget, after)

    def _segments_of(self, event: BulkLoaded) -> list[Segment]:
        """The segments of a bulk load: those built already, or built now from its records in the log."""
        ready = self.staged.pop(event.bulk, None)
        if ready is not None:
            return ready
        assert self.state.spec is not None
        bulk = BulkBuilder(self._builder, self._log, self._take_number, lambda: True)
        return bulk.build(self.state.spec, event, self._options.build_threads, Lsn(event.since))

    def _take_number(self) -> int:
        self.numbers_taken += 1
        return self._first_number + self.numbers_taken - 1
