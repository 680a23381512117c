"""The index and the server: their state, how long operations went, and how well searches do."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from asteroid_cloud.client.results.answer import Answer


class IndexInfo(Answer, frozen=True):
    """The index: ``dim``, ``metric`` and ``bits`` are None until it is created."""

    initialized: bool
    dim: int | None = None
    metric: str | None = None
    bits: int | None = None
    lsn: int = 0


class TextInfo(Answer, frozen=True):
    """Which fields are indexed as text, and how far that is."""

    fields: dict[str, dict[str, str]]
    """By path, each with its ``language``, if it has one."""
    rows: int = 0
    """Rows in segments; newer ones are indexed as they are searched."""
    indexed: int = 0
    """Of these, those whose words are found; searches by text wait until it is all of them."""
    lsn: int = 0


class Stats(Answer, frozen=True):
    """The server's figures; whatever else it reports is in ``more``, and reachable by item too."""

    vectors: int
    dim: int | None = None
    metric: str | None = None
    memory_bytes: int = 0
    lsn: int = 0
    without_vector: int = 0
    """Of the rows that ``vectors`` counts, those that have no vector."""
    more: dict[str, object] = msgspec.field(default_factory=dict)

    def __getitem__(self, name: str) -> object:
        return self.more[name] if name in self.more else super().__getitem__(name)

    def keys(self) -> tuple[str, ...]:
        """The names of the fields, those in ``more`` included."""
        own = tuple(name for name in self.__struct_fields__ if name != "more")
        return own + tuple(name for name in self.more if name not in own)


class BulkReport(Answer, frozen=True):
    """How a bulk build went."""

    n: int
    elapsed_ms: float
    vectors_per_sec: float
    threads: int = 0
    payloads_written: int = 0
    lsn: int = 0


class BackupReport(Answer, frozen=True):
    """A backup that was made."""

    lsn: int
    """Every write up to here is in it."""
    files: int
    bytes: int
    linked_bytes: int
    """Of them, those that an earlier backup had already."""
    seconds: float
    damaged: list[str] = msgspec.field(default_factory=list)
    """Files of an earlier backup that are damaged, and why. This backup has its own copies of them."""


class Backup(Answer, frozen=True):
    """A finished backup on the server."""

    name: str
    lsn: int
    made_ms: int
    """When it was begun, in milliseconds since 1970."""
    files: int
    bytes: int


class Backups(list[Backup]):
    """The finished backups of a store, the newest first, and what is wrong with others beside them."""

    __slots__ = ("damaged",)

    def __init__(self, backups: Iterable[Backup] = (), *, damaged: Iterable[str] = ()) -> None:
        super().__init__(backups)
        self.damaged = list(damaged)
        """A sentence about each backup in the server's folder that is damaged, whichever store's it is."""


class Tag(Answer, frozen=True):
    """A named state that the server's operator can take the store back to."""

    name: str
    lsn: int
    """Every write up to here is in it."""
    made_ms: int
    """When it was made, in milliseconds since 1970."""
    vectors: int
    bytes: int


class PurgeReport(Answer, frozen=True):
    """What a purge erased."""

    lsn: int
    """What was deleted or replaced by a write up to here is in no file of the store."""
    segments_rewritten: int
    rows_erased: int
    log_first_lsn: int
    tags_removed: list[str]
    files_removed: int
    not_ours: list[str]
    """Files in the store's folder that are not the store's, and were not looked into."""


class Recall(Answer, frozen=True):
    """The share of the true neighbours that searches found; 1 when there was nothing to find."""

    recall: float
    """The mean over all samples."""
    worst: float
    """The least of a single sample."""
    samples: int
    """Searches that were compared with an exact one."""
    lsn: int = 0
