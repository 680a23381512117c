"""The server's settings, and what each of them means.

Each field of ``Settings`` is an option of ``asteroid serve``, a variable ``ASTEROID_<NAME>`` and a key of the
TOML file. A new setting is a new field: its description makes the help and the reference page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from asteroid_cloud.api.http.settings.checks import NO_BOUND, check_settings
from asteroid_cloud.api.http.settings.listening import ListenSettings, about
from asteroid_cloud.api.http.settings.units import parse_age_s, parse_size
from asteroid_cloud.api.limits import RECALL_TIME_SHARE_MAX
from asteroid_cloud.api.service.collections.options import (
    COLLECTIONS_MAX_DEFAULT,
    IDLE_S_DEFAULT,
    CollectionsOptions,
)
from asteroid_cloud.api.service.quality.options import (
    RECALL_MIN_DEFAULT,
    SAMPLE_EVERY_DEFAULT,
    QualityOptions,
    checked_options,
)
from asteroid_cloud.api.service.reading.bounds import ReadBounds
from asteroid_cloud.indexer import EngineOptions, RetentionChange
from asteroid_cloud.query.limits import EF_SEARCH_WIDENED_MAX
from asteroid_cloud.wal.append import SLOW_SYNC_S

VARIABLE_PREFIX = "ASTEROID_"


class Settings(ListenSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a server that can be chosen."""

    memory_budget: Annotated[
        str,
        about(
            "Bound on the memory of the memtable, of graphs that are being built, and of caches; "
            "for example 256MiB or 1GiB.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = "256MiB"
    mapped: Annotated[
        Literal["lazy", "warm"],
        about("warm reads the segments into RAM before they are searched; lazy leaves that to the searches."),
    ] = "lazy"
    mapped_bytes_max: Annotated[
        str | None,
        about(
            "Bound on the pages of segments in RAM, for example 1GiB; without it the system decides.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = None
    seal_rows: Annotated[int, about("Rows of the memtable that become one segment.", unit="rows")] = 16_384
    payload_bytes_max: Annotated[
        str,
        about(
            "What a payload that is written may have as JSON, 1MiB at most. Larger ones that are stored "
            "already are served.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = "64KiB"
    keep_log: Annotated[
        bool | None,
        about(
            "Never trim the log, so that a reindex can start at the first record; it grows without bound. "
            "The store remembers it until it is ended: --no-keep-log."
        ),
    ] = None
    recovery: Annotated[
        Literal["strict", "tail", "salvage"],
        about(
            "What to do with a damaged store: strict changes nothing; tail cuts a torn write and rebuilds "
            "what it can; salvage also gives up what is damaged beyond that, and records what was lost."
        ),
    ] = "tail"
    log_retention_bytes: Annotated[
        str | None,
        about(
            "Keep this much of the log, for example 1GiB, for change feeds and for point-in-time restores. "
            "The store remembers it until it is changed; none ends it.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = None
    log_retention_age: Annotated[
        str | None,
        about(
            "Keep the log for this long, for example 7d or 12h; with both bounds, the first reached counts. "
            "The store remembers it until it is changed; none ends it.",
            unit="time",
            metavar="TIME",
        ),
    ] = None
    recall_sample_every: Annotated[
        int,
        about(
            "One search of so many is repeated exactly in the background, in at most "
            f"{100 * RECALL_TIME_SHARE_MAX:g}% of one processor's time, so that stats and metrics know the "
            "recall; 0 for none.",
            unit="searches",
        ),
    ] = SAMPLE_EVERY_DEFAULT
    recall_min: Annotated[
        float,
        about(
            "Sampled recall, from 0 to 1, below which the server logs a warning, and searches that name no "
            f"ef_search get a larger one, up to {EF_SEARCH_WIDENED_MAX:,}; 0 for never."
        ),
    ] = RECALL_MIN_DEFAULT
    collections_max: Annotated[
        int, about("Collections that there may be beside default.", unit="collections")
    ] = COLLECTIONS_MAX_DEFAULT
    collection_idle_s: Annotated[
        float,
        about(
            "Seconds without a call after which a collection is closed; its next call opens it again.",
            unit="seconds",
        ),
    ] = IDLE_S_DEFAULT
    backup_dir: Annotated[
        str | None,
        about("Folder in which POST /v1/backup makes backups; without it none can be made.", metavar="DIR"),
    ] = None
    rate_limit: Annotated[
        float, about("Requests a second that one key may make; 0 for no limit.", unit="requests a second")
    ] = 0.0
    concurrency: Annotated[
        int, about("Requests served at the same time; more are answered 503.", unit="requests")
    ] = 256
    body_timeout_s: Annotated[
        float,
        about(
            "Seconds that the body of a request may fall behind a rate of 16 KiB a second before it is cut.",
            unit="seconds",
        ),
    ] = 30.0
    answer_budget: Annotated[
        str,
        about(
            "Memory for all answers that are made or sent at the same time, beside memory_budget; one for "
            "which there is no room is answered 503.",
            unit="bytes",
            metavar="SIZE",
        ),
    ] = "64MiB"
    read_budget_s: Annotated[
        float,
        about(
            "Processor time that one read, or finding what a write by filter changes, may take, estimated "
            "from rows, payload bytes and predicates. One beyond it is answered 503 too_costly.",
            unit="seconds",
        ),
    ] = 60.0
    read_deadline_s: Annotated[
        float,
        about(
            "Seconds after which a read is ended and answered 503 too_costly; of a write by filter, each of "
            "its batches.",
            unit="seconds",
        ),
    ] = 30.0
    drain_s: Annotated[
        float,
        about(
            "Seconds that requests under way have to end once the server is told to stop; a second signal "
            "ends it at once.",
            unit="seconds",
        ),
    ] = 10.0
    answer_stall_s: Annotated[
        float,
        about(
            "Seconds that the reader of an answer may fall behind a rate of 64 KiB a second before its "
            "connection is cut.",
            unit="seconds",
        ),
    ] = 30.0
    idempotency_keys: Annotated[
        int, about("Writes with an Idempotency-Key that are remembered; 0 remembers none.", unit="requests")
    ] = 100_000
    idempotency_age: Annotated[
        str, about("For how long they are, for example 24h or 7d.", unit="time", metavar="TIME")
    ] = "24h"
    slow_sync_s: Annotated[
        float,
        about(
            "A sync of the log that takes this long is logged as a warning: every write waits for one.",
            unit="seconds",
        ),
    ] = SLOW_SYNC_S
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        about(
            "How much is logged, to standard error; info has a line for each step in the life of the store."
        ),
    ] = "info"
    access_log: Annotated[
        bool, about("Log a line for each request, whatever log_level says; without payloads or keys.")
    ] = False

    def __post_init__(self) -> None:
        check_settings(self)

    def __repr__(self) -> str:
        shown = (field.name for field in msgspec.structs.fields(self) if field.name != "api_key")
        return f"Settings({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    @property
    def engine_options(self) -> EngineOptions:
        """What of it the engine needs."""
        return _engine_options(self)

    @property
    def collections_options(self) -> CollectionsOptions:
        """What of it holds for all collections."""
        return _collections_options(self)

    @property
    def read_bounds(self) -> ReadBounds:
        """What of it reads need."""
        return ReadBounds(self.read_budget_s, self.read_deadline_s)

    @property
    def quality_options(self) -> QualityOptions:
        """What of it the sampling of searches needs."""
        return checked_options(self.recall_sample_every, self.recall_min)


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return VARIABLE_PREFIX + name.upper()


def _engine_options(said: Settings) -> EngineOptions:
    return EngineOptions(
        memory_budget_bytes=parse_size(said.memory_budget),
        warm_mapped=said.mapped == "warm",
        mapped_bytes_max=None if said.mapped_bytes_max is None else parse_size(said.mapped_bytes_max),
        seal_rows=said.seal_rows,
        payload_bytes_max=parse_size(said.payload_bytes_max),
        keep_log=said.keep_log,
        recovery=said.recovery,
        slow_sync_s=said.slow_sync_s,
        idempotency_keys=said.idempotency_keys,
        idempotency_age_ms=1000 * parse_age_s(said.idempotency_age),
        log_retention=RetentionChange(
            _bound(said.log_retention_bytes, parse_size),
            _bound(said.log_retention_age, lambda text: 1000 * parse_age_s(text)),
        ),
    )


def _collections_options(said: Settings) -> CollectionsOptions:
    return CollectionsOptions(
        collections_max=said.collections_max,
        idle_s=said.collection_idle_s,
        backup_folder=said.backup_dir,
        awaits_index=said.dim is not None,
        quality=said.quality_options,
        bounds=said.read_bounds,
    )


def _bound(text: str | None, parse: Callable[[str], int]) -> int | msgspec.UnsetType | None:
    """What a setting says of one bound of the log: a number, that there is none any more, or nothing."""
    if text is None:
        return msgspec.UNSET
    return None if text == NO_BOUND else parse(text)
