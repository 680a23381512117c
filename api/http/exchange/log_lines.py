"""The log on standard error: its format, and one line for each request if the settings ask for it."""

from __future__ import annotations

import logging
import sys

from asteroid_cloud.api.wire.request_ids import current_request_id

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s%(request)s"
SHOWN_CHARACTERS_MAX = 200
"""Of a path in the access log."""
access_logger = logging.getLogger("asteroid.access")


def start_logging(level: str, *, access_log: bool) -> None:
    """Writes what the program logs to standard error, and with ``access_log`` each request as well."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(_name_request)
    logging.root.addHandler(handler)
    logging.root.setLevel(level.upper())
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # we say ourselves when we start and end
    access_logger.setLevel(logging.INFO if access_log else logging.CRITICAL)


def log_access(
    method: str, path: str, status: int, seconds: float, bytes_in: int | None, bytes_out: int, client: str
) -> None:
    """One line: what was asked, what came of it, how long it took, and how much went either way."""
    if access_logger.isEnabledFor(logging.INFO):
        shown = ascii(path[:SHOWN_CHARACTERS_MAX])[1:-1]  # a path may hold line ends, once decoded
        received = "chunked" if bytes_in is None else str(bytes_in)
        access_logger.info(
            "%s %s %d %.1f ms, in %s, out %d, from %s",
            method,
            shown,
            status,
            1e3 * seconds,
            received,
            bytes_out,
            client,
        )


def _name_request(record: logging.LogRecord) -> bool:
    """Adds the request that a line belongs to."""
    found = current_request_id()
    record.request = f" [request {found}]" if found else ""
    return True
