"""The file of keys, read again while the server runs: when it changes, and on SIGHUP.

A file that is not right changes nothing: the keys of before stay in force, and the log says why.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from anyio import to_thread

from asteroid_cloud.api.http.access.keys import Key, KeyRing
from asteroid_cloud.api.http.access.keys_file import parsed_keys, read_bytes, refused
from asteroid_cloud.api.limits import KEYS_RELOAD_S
from asteroid_cloud.wal.errors import InvalidRequest

logger = logging.getLogger(__name__)


class KeysReload:
    """Keeps a ring of keys as its file says."""

    def __init__(self, ring: KeyRing, path: str, always: list[Key]) -> None:
        """``always`` are keys beside those of the file."""
        self._ring = ring
        self._path = path
        self._always = always
        self._data: bytes | None = None
        """The file as it was read last; None before that, and while it cannot be read."""
        self._told = ""
        """Why the file was refused, as the log has it."""

    async def run(self) -> None:
        """Looks at the file every KEYS_RELOAD_S, and at once on SIGHUP; never returns."""
        with _hangups() as hangup:
            while True:
                await self.look(is_asked=hangup.is_set())
                hangup.clear()
                with anyio.move_on_after(KEYS_RELOAD_S):
                    await hangup.wait()

    async def look(self, *, is_asked: bool = False) -> None:
        """Takes the file over if it has changed; when that ``is_asked`` for, the log says what came of it."""
        is_first = self._data is None and not self._told
        before, self._data = self._data, None
        try:
            self._data = await to_thread.run_sync(read_bytes, self._path)
            if self._data == before and not is_asked:
                return
            keys = parsed_keys(self._data)
            if not keys:
                raise refused("there is no key in the file")
        except InvalidRequest as error:
            self._refuse(error.message, is_asked=is_asked)
            return
        self._told = ""
        self._ring.replace([*self._always, *keys])
        if is_asked or not is_first:
            logger.info("the file of keys was read again: %d keys are in force", len(keys))

    def _refuse(self, reason: str, *, is_asked: bool) -> None:
        if reason != self._told or is_asked:
            logger.error("the keys of before stay in force: %s", reason)
        self._told = reason


@contextmanager
def _hangups() -> Iterator[asyncio.Event]:
    """An event that SIGHUP sets."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, event.set)
    try:
        yield event
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
