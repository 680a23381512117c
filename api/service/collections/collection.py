"""A collection that is open: its engine, and what serves it. Two have ``SharedParts`` in common, no more."""

from __future__ import annotations

import anyio
from anyio import to_thread
from msgspec.structs import asdict

from asteroid_cloud.api.service.backups import Backups
from asteroid_cloud.api.service.change_feeds import OpenFeeds
from asteroid_cloud.api.service.checks import integer
from asteroid_cloud.api.service.collections.shared import SharedParts
from asteroid_cloud.api.service.figures.of_collection import Figures
from asteroid_cloud.api.service.process_info import anonymous_bytes
from asteroid_cloud.api.service.quality.options import QualityOptions
from asteroid_cloud.api.service.read_executor import ReadExecutor
from asteroid_cloud.api.service.reading.bounds import ReadBounds
from asteroid_cloud.api.service.requests.turns import RequestTurns
from asteroid_cloud.api.service.results import IndexInfo, Stats
from asteroid_cloud.indexer import Engine
from asteroid_cloud.wal.errors import Conflict, Overloaded

DEFAULT = "default"
"""The name of the collection that the paths without a name speak of."""


class Collection:
    """One index with its log: the engine, and the reads, backups and change feeds over it."""

    def __init__(
        self,
        path: str,
        engine: Engine,
        backup_folder: str | None = None,
        *,
        name: str = DEFAULT,
        awaits_index: bool = False,
        quality: QualityOptions | None = None,
        bounds: ReadBounds | None = None,
        shared: SharedParts | None = None,
    ) -> None:
        """``awaits_index``: nothing is served over HTTP until ``ensure_index`` has run.

        ``shared`` is what it has in common with other collections.
        """
        self.name = name
        self.path = path
        """The folder of its files."""
        self.engine = engine
        shared = shared or SharedParts()
        self.reads = ReadExecutor(engine, quality, bounds, shared.lanes, shared.sampling)
        self.backups = Backups(engine, backup_folder)
        self.feeds = OpenFeeds()
        self.turns = RequestTurns(engine)
        """Of requests with a key."""
        self._awaits_index = awaits_index

    def check_index_made(self) -> None:
        """Raises Overloaded ``not_ready`` after recovery until the index that is awaited is made."""
        if self._awaits_index and self.engine.phase.name == "ready":
            raise Overloaded("the index is about to be created", code="not_ready", retry_after_s=1.0)

    @property
    def store_name(self) -> str | None:
        """Names the store; None before recovery is over."""
        return self.engine.name if self.engine.phase.name == "ready" else None

    def index_info(self) -> IndexInfo:
        """The dimension, metric and precision; all None before the index is created."""
        spec, lsn = self.engine.spec, self.engine.applied_lsn
        if spec is None:
            return IndexInfo(False, None, None, None, lsn)
        return IndexInfo(True, spec.dim, spec.metric, spec.bits, lsn)

    async def ensure_index(self, dim: int, metric: str, bits: int = 16) -> None:
        """Creates the index unless there is one like it; raises Conflict ``index_differs`` otherwise."""
        dim, bits = integer("dim", dim), integer("bits", bits)
        spec = self.engine.spec
        if spec is None:
            await self.engine.create_index(dim, metric, bits)
        elif (spec.dim, spec.metric, spec.bits) != (dim, metric.lower(), bits):
            raise Conflict(
                f"the index has dimension {spec.dim}, metric {spec.metric} and {spec.bits} bits a value, "
                f"not {dim}, {metric} and {bits}",
                code="index_differs",
            )
        self._awaits_index = False

    async def stats(self) -> Stats:
        """The figures of this moment."""
        found = self.engine.stats()
        fields = {name: getattr(found, name) for name in found.__struct_fields__}
        memory = await self.engine.memory()
        return Stats(
            **fields,
            **asdict(self.reads.quality.report()),
            memory=memory,
            memory_bytes=anonymous_bytes(),
            lsn=found.last_lsn,
        )

    async def figures(self) -> Figures:
        """What the metrics tell of it; call it once recovery is over."""
        return Figures(self.name, await self.stats(), self.reads.quality.recalls())

    async def close(self) -> None:
        """Ends what runs for it alone; the engine is its owner's to close."""
        quality = self.reads.quality
        if quality.is_running:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(quality.close)
        quality.close()  # also where none has run: what is searched from now on is not sampled
