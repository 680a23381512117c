"""The server process: one store, one application, uvicorn around it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import anyio
import uvicorn

from asteroid_cloud.api.http.access.keys import raw_keys
from asteroid_cloud.api.http.access.keys_file import warn_of_readers
from asteroid_cloud.api.http.access.reload import KeysReload
from asteroid_cloud.api.http.app import create_app
from asteroid_cloud.api.http.connection.crowd import Crowd
from asteroid_cloud.api.http.connection.protocol import connection_factory
from asteroid_cloud.api.http.exchange.log_lines import start_logging
from asteroid_cloud.api.http.loop_lag import watch
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import EXIT_S_MAX
from asteroid_cloud.api.service.collections import Collections, open_collections
from asteroid_cloud.api.service.memory.heap import bound_heap, keep_what_is_there
from asteroid_cloud.api.service.metrics import Metrics
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest

logger = logging.getLogger(__name__)
BACKLOG = 2048
ACCEPTORS = 8
"""Listeners on the one socket: of each, a turn of the event loop takes one connection.

A loop that waits for the interpreter at each turn would take fewer than come, and all would wait for seconds.
"""
# A thread waits this long for the interpreter before it asks another to let go; the default of 5 ms
# would let two busy worker threads hold up the event loop noticeably.
SWITCH_INTERVAL_S = 0.001


class Server(uvicorn.Server):
    """uvicorn's server; it prints its address when requests succeed, and a signal ends it with status 0.

    A second signal ends the process at once, and so does a clock if the store does not close in time: what
    was acknowledged is durable, so that loses nothing.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        address: str,
        collections: Collections,
        guard: RequestGuard,
        drain_s: float,
    ) -> None:
        super().__init__(config)
        self._collections = collections
        self._address = address
        self._guard = guard
        self._end_s_max = drain_s + EXIT_S_MAX
        self._waits_for = {"the socket", "the store"}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept requests; those for data are refused until the store is ready."""
        await super().startup(sockets)
        if self.started:
            self._announce_without("the socket")

    def announce(self) -> None:
        """The store is ready: says the address in one line on standard output, once requests are accepted."""
        self._announce_without("the store")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to end; the second time, ends the process."""
        if self.should_exit:
            logger.warning("a second signal: the process ends now")
            os._exit(128 + sig)
        logger.info("stopping; requests under way have %.3g s", self._end_s_max - EXIT_S_MAX)
        self.should_exit = True
        self._guard.stop_waiting()
        clock = threading.Timer(self._end_s_max, _end_now)
        clock.daemon = True
        clock.start()

    def _announce_without(self, what: str) -> None:
        was_waiting = bool(self._waits_for)
        self._waits_for.discard(what)
        if was_waiting and not self._waits_for:
            sys.stdout.write(f"Asteroid is listening on {self._address}\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the change feeds, then waits for the requests that are being served."""
        self._collections.end_feeds()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ends gracefully on SIGINT and SIGTERM, without raising them again afterwards."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def _end_now() -> None:
    logger.error(
        "the store did not close in time: the process ends now; nothing that was acknowledged is lost"
    )
    os._exit(0)


def run(settings: Settings) -> None:
    """Serves until a signal comes; raises AsteroidError when the store or the settings forbid it."""
    if not settings.is_loopback and not settings.keys():
        raise InvalidRequest(
            f"{settings.host} can be reached from other machines: give --api-key or --api-keys",
            code="bad_settings",
        )
    start_logging(settings.log_level, access_log=settings.access_log)
    if settings.api_keys is not None:
        warn_of_readers(settings.api_keys)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    bound_heap()
    anyio.run(_serve, settings, backend_options={"use_uvloop": True})


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        # Listening begins here, so that of two servers that start at once one finds the port in use.
        listener.listen(BACKLOG)
    except (OSError, UnicodeError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequest(
            f"cannot listen on {settings.host}:{settings.port}: {reason}", code="bad_settings"
        ) from error
    return listener


async def _serve(settings: Settings) -> None:
    listener = _listen(settings)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    metrics = Metrics()
    failure: AsteroidError | None = None
    async with open_collections(
        settings.data, settings.engine_options, settings.collections_options
    ) as collections:
        default = collections.default
        app = create_app(settings, collections, metrics)
        keep_what_is_there()
        config = uvicorn.Config(
            app,
            http=connection_factory(Crowd()),  # type: ignore[arg-type]  # called as a class is
            ws="none",
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=settings.drain_s,  # type: ignore[arg-type]  # any number of seconds
        )
        server = Server(config, f"http://{shown}:{port}", collections, app, settings.drain_s)
        if not settings.keys():
            sys.stderr.write("asteroid: no key is set, so every user of this machine may read and write\n")

        async def prepare() -> None:
            nonlocal failure
            try:
                await default.engine.ready()
                if settings.dim is not None:
                    await default.ensure_index(settings.dim, settings.metric, settings.bits)
            except AsteroidError as error:
                if not collections.are_there:
                    failure, server.should_exit = error, True
                    return
                logger.warning("the collection default is not served: %s", error.message)
            server.announce()

        async with anyio.create_task_group() as group:
            group.start_soon(prepare)
            group.start_soon(watch, metrics.loop_lag)
            group.start_soon(app.heap.run)
            if settings.api_keys is not None:
                always = raw_keys(settings.api_key)
                group.start_soon(KeysReload(app.keys, settings.api_keys, always).run)
            await server.serve(sockets=[listener, *(listener.dup() for _ in range(1, ACCEPTORS))])
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure
