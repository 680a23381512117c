"""Text indexes of segments that have none: sealed before the index was defined, or theirs was damaged.

One segment after the other gets its file, the smallest first; what is done stays done over a restart. Until
the last one has its file nobody searches by text.
"""

from __future__ import annotations

import logging
from contextlib import suppress

import anyio

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.source import Abandoned, check_of
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.maintenance.worker_thread import first_of, in_background
from asteroid_cloud.indexer.model.results import TextProgress
from asteroid_cloud.indexer.segment.paths import payload_path, text_path
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.segment.text_file import write_text
from asteroid_cloud.indexer.state.log_applier import Applier
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal.disk import UNFINISHED, remove_if_exists, rename_durably
from asteroid_cloud.wal.errors import CorruptionError, NoSpace, StorageError

logger = logging.getLogger(__name__)
RETRY_S = 10.0
"""How soon a build that a full disk has stopped is tried again."""


class TextIndexer:
    """Gives each segment the text index that is defined."""

    def __init__(
        self, builder: SegmentBuilder, state: State, applier: Applier, checkpointer: Checkpointer
    ) -> None:
        self._builder = builder
        self._state = state
        self._applier = applier
        self._checkpointer = checkpointer
        self._asked = anyio.Event()

    def wake(self) -> None:
        """The definition has changed."""
        self._asked.set()
        self._asked = anyio.Event()

    @property
    def progress(self) -> TextProgress | None:
        """How far it is; None where no text is indexed."""
        text = self._state.text
        if text is None:
            return None
        rows = sum(segment.rows for segment in self._state.segments)
        return TextProgress(rows, rows - sum(segment.rows for segment in self._missing(text)))

    async def run(self) -> None:
        """Builds what is missing after each checkpoint and whenever it is woken, until cancelled."""
        while True:
            changed, asked, wait_s = self._checkpointer.changed, self._asked, None
            try:
                await self._build_missing()
            except NoSpace as error:
                logger.warning("no room on the disk for a text index: %s", error.message)
                wait_s = RETRY_S
            with anyio.move_on_after(wait_s):
                await first_of(changed, asked)

    def _missing(self, text: TextDefinition) -> list[Segment]:
        found = [each for each in self._state.segments if each.text_index(text, each.rows) is None]
        return sorted(found, key=lambda segment: segment.rows)

    async def _build_missing(self) -> None:
        while (text := self._state.text) is not None and (missing := self._missing(text)):
            segment = missing[0]
            async with self._builder.construction.build_turn():
                try:
                    await in_background("text", self._build, segment, text)
                except Abandoned:
                    await anyio.sleep(0)  # the next round sees what has changed

    def _build(self, segment: Segment, text: TextDefinition) -> None:
        """Writes the file beside its place, then moves it there; raises Abandoned, NoSpace and others."""
        generation = self._state.generation

        def is_wanted() -> bool:
            state = self._state
            return state.generation == generation and state.text == text and segment in state.segments

        builder, check_wanted = self._builder, check_of(is_wanted)
        files, folder, identity, number = builder.files, builder.folder, builder.identity, segment.number
        check_wanted()
        with suppress(CorruptionError):  # then it is built again
            if segment.open_text(files, folder, identity, text, check_wanted):
                return  # it was built before the last start
        path, bytes_max = text_path(folder, number), builder.budget.columns.bytes_max
        unfinished = path + UNFINISHED
        remove_if_exists(files, unfinished)
        try:
            payloads = PayloadFile(
                files, payload_path(folder, number), identity, number, segment.rows, check_wanted
            )
            write_text(
                files, unfinished, identity, number, segment.rows, payloads, text, bytes_max, check_wanted
            )
        except (NoSpace, Abandoned):
            remove_if_exists(files, unfinished)
            raise
        except StorageError:
            if not is_wanted():  # its files may be gone already
                raise Abandoned from None
            raise
        check_wanted()
        rename_durably(files, unfinished, path)
        segment.open_text(files, folder, identity, text)
        logger.info("segment %d: %d rows are indexed as text", number, segment.rows)
