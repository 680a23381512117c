"""The route of bulk loads: a body of any size, taken as it arrives."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from asteroid_cloud.api.limits import BULK_ROWS_MAX
from asteroid_cloud.api.routes.responses import (
    AnyRequest,
    JsonResponse,
    answer,
    collection_of,
    engine_of,
    until_gone,
)
from asteroid_cloud.api.service.checks import check_dim
from asteroid_cloud.api.service.writes import bulk_report, chosen_threads
from asteroid_cloud.api.wire.bulk_stream import load_body
from asteroid_cloud.api.wire.headers import BULK_HEADER_PREFIXES
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge

NUMBER_DIGITS_MAX = 18


async def bulk_build(request: AnyRequest) -> JsonResponse:
    """Raw little-endian float32 rows, then maybe a JSON array of payloads and nulls; ids 0 … n-1."""
    started_s = time.perf_counter()
    collection = collection_of(request)
    rows, dim = _number(request, "N", "bad_payload"), _number(request, "Dim", "bad_dim")
    threads = chosen_threads(_number(request, "Threads", "bad_threads") or 0)
    if not rows:
        raise InvalidRequest("the header X-Asteroid-N must say how many vectors come", code="bad_payload")
    if not dim:
        raise InvalidRequest("the header X-Asteroid-Dim must say the dimension", code="bad_dim")
    if rows > BULK_ROWS_MAX:
        raise TooLarge(f"a bulk load has at most {BULK_ROWS_MAX} vectors")
    async with AsyncExitStack() as stack:
        with until_gone(request):  # it may have to wait for other loads
            loader = await stack.enter_async_context(engine_of(request).bulk())
        check_dim(dim, collection.engine.snapshot().spec)
        _check_length(request, 4 * rows * dim)
        bytes_max = collection.engine.options.payload_bytes_max
        await load_body(loader, request.stream(), rows, dim, collection.path, collection.reads, bytes_max)
        report = bulk_report(await loader.commit(threads), started_s)
    return answer(report, report.lsn)


def _number(request: AnyRequest, name: str, code: str) -> int | None:
    """A whole number from a header under any of the prefixes; None without one."""
    text = next(filter(None, (request.headers.get(prefix + name) for prefix in BULK_HEADER_PREFIXES)), None)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX):
        raise InvalidRequest(f"the header X-Asteroid-{name} must be a whole number", code=code)
    return int(text)


def _check_length(request: AnyRequest, least: int) -> None:
    """Refuses a body that says of itself that it is too short, before any of it is taken."""
    text = request.headers.get("Content-Length", "")
    if text.isascii() and text.isdigit() and int(text) < least:
        raise InvalidRequest(
            f"the body has {int(text)} bytes, the vectors alone take {least}", code="bad_payload"
        )
