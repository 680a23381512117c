"""Saying which fields are indexed as text, and how far that is."""

from __future__ import annotations

from asteroid_cloud.indexer.model.errors import no_index
from asteroid_cloud.indexer.model.results import TextProgress, WriteResult
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.texts.definition import NO_TEXT, TextDefinition
from asteroid_cloud.indexer.write_events import Write
from asteroid_cloud.indexer.write_path import Writer
from asteroid_cloud.wal.errors import Conflict


class TextDefinitions:
    """The text index of one store."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    @property
    def now(self) -> TextDefinition | None:
        """Which fields are indexed; None for no such index."""
        return self._writer.parts.state.text

    @property
    def progress(self) -> TextProgress | None:
        """How far stored rows are indexed; None without an index."""
        return self._writer.parts.texts.progress

    async def create_index(self, spec: IndexSpec, text: TextDefinition | None) -> WriteResult:
        """Fixes what the index is, and with it which fields are indexed; None for no field.

        Raises Conflict ``index_already_initialized``.
        """
        self._writer.check()
        if self._writer.parts.applier.snapshot is not None:
            raise Conflict("the index exists already", code="index_already_initialized")
        return await self._writer.log(Write([spec.creation, *([] if text is None else [text.event])]))

    async def define(self, text: TextDefinition | None) -> WriteResult:
        """Indexes these fields from now on, and what is stored in the background; None removes the index.

        Logs nothing when it is so already. Raises Conflict ``index_not_initialized``.
        """
        self._writer.check()
        parts = self._writer.parts
        if parts.applier.snapshot is None:
            raise no_index()
        if text == self.now:
            return WriteResult(parts.applier.applied_lsn, 0)
        result = await self._writer.log(Write([NO_TEXT if text is None else text.event]))
        parts.texts.wake()
        return result
