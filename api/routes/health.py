"""What a load balancer and a scraper ask: alive, ready, and figures."""

from __future__ import annotations

from contextlib import suppress

from litestar import Response

from asteroid_cloud.api.routes.responses import AnyRequest, collections_of, default_collection, metrics_of
from asteroid_cloud.api.service.figures.of_collection import Figures
from asteroid_cloud.api.service.metrics import ProcessFigures
from asteroid_cloud.api.service.process_info import anonymous_bytes
from asteroid_cloud.api.wire.media_types import JSON, METRICS
from asteroid_cloud.indexer import Engine
from asteroid_cloud.indexer.native import core
from asteroid_cloud.wal.errors import AsteroidError, Overloaded

OK = b'{"status":"ok"}'
DEGRADED = b'{"status":"degraded"}'
"""Answers are complete as far as the store goes, but ``default`` has lost rows or records, or is not served
while other collections are; see ``/v1/recovery``."""


async def health() -> Response[bytes]:
    """200 while the process answers at all."""
    return Response(OK, media_type=JSON)


async def ready(request: AnyRequest) -> Response[bytes]:
    """200 once searches can be answered; 503 with the phase and its progress until then."""
    collections, default = collections_of(request), default_collection(request)
    if collections.are_there and (default.engine.phase.error or default.engine.phase.name == "ready"):
        is_whole = default.engine.phase.error is None and default.engine.failure is None
    else:
        check_ready(default.engine)
        default.check_index_made()
        is_whole = True
    is_whole = is_whole and not default.engine.recovery.losses.is_open
    return Response(OK if is_whole else DEGRADED, media_type=JSON)


def check_ready(engine: Engine) -> None:
    """Raises the reason why the engine cannot serve: recovery, a failure, or that there is no index."""
    phase = engine.phase
    if phase.error is not None:
        raise phase.error
    if phase.name == "ready":
        failure = engine.failure
        if failure is not None:
            raise failure
        if engine.spec is not None:
            return
    eta = {} if phase.eta_s is None else {"eta_s": phase.eta_s}
    raise Overloaded(
        phase.detail if phase.name != "ready" else "there is no index yet",
        code="not_ready",
        phase=phase.name,
        progress=round(phase.progress, 4),
        **eta,
    )


async def metrics(request: AnyRequest) -> Response[str]:
    """Counters and histograms of the server, gauges of the open collections."""
    collections = collections_of(request)
    opened = [each for each in collections.open_collections if each.engine.phase.name == "ready"]
    process = ProcessFigures(
        memory_bytes=anonymous_bytes(),
        memory_budget_bytes=collections.default.engine.budget.bytes_max,
        collections=collections.count,
        collections_open=len(opened),
        kernels=core.kernels(),
    )
    by_name = sorted(opened, key=lambda each: (each is not collections.default, each.name))
    told: list[Figures] = []
    for each in by_name:
        with suppress(AsteroidError):  # of one that is being closed
            told.append(await each.figures())
    return Response(metrics_of(request).render(process, told), media_type=METRICS)
