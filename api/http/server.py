"""The server process: one store, one application, uvicorn around it."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import uvicorn

from asteroid_cloud.api.http.app import create_app
from asteroid_cloud.api.http.connections import BoundedProtocol
from asteroid_cloud.api.http.exchange.log_lines import start_logging
from asteroid_cloud.api.http.loop_lag import watch
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service.collections import Collection, Collections
from asteroid_cloud.api.service.metrics import Metrics
from asteroid_cloud.indexer import Engine
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest

KEEP_ALIVE_S = 75
GRACE_S = 30
BACKLOG = 2048
# A thread waits this long for the interpreter before it asks another to let go; the default of 5 ms
# would let two busy worker threads hold up the event loop noticeably.
SWITCH_INTERVAL_S = 0.001


class Server(uvicorn.Server):
    """uvicorn's server; it prints its address when it accepts requests, and signals end it with status 0."""

    def __init__(self, config: uvicorn.Config, address: str, collections: Collections) -> None:
        super().__init__(config)
        self._collections = collections
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept requests and says so, in one line on standard output."""
        await super().startup(sockets)
        if self.started:
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


def run(settings: Settings) -> None:
    """Serves until a signal comes; raises AsteroidError when the store or the settings forbid it."""
    if not settings.is_loopback and not settings.keys():
        raise InvalidRequest(
            f"{settings.host} can be reached from other machines: give --api-key or --api-keys",
            code="bad_settings",
        )
    start_logging(settings.log_level, access_log=settings.access_log)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
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
    async with Engine.open(settings.data, settings.engine_options) as engine:
        collection = Collection(
            settings.data,
            engine,
            settings.backup_dir,
            awaits_index=settings.dim is not None,
            quality=settings.quality_options,
        )
        collections = Collections(collection)
        app = create_app(settings, collections, metrics)
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        server = Server(config, f"http://{shown}:{port}", collections)
        if not settings.keys():
            sys.stderr.write("asteroid: no key is set, so every user of this machine may read and write\n")

        async def prepare() -> None:
            nonlocal failure
            try:
                await engine.ready()
                if settings.dim is not None:
                    await collection.ensure_index(settings.dim, settings.metric, settings.bits)
            except AsteroidError as error:
                failure, server.should_exit = error, True

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(prepare)
                group.start_soon(watch, metrics.loop_lag)
                group.start_soon(app.heap.run)
                await server.serve(sockets=[listener])
                group.cancel_scope.cancel()
        finally:
            await collection.close()
    if failure is not None:
        raise failure
