# Written by ops/faces from client/aio/server.py: change that one.
"""The blocking client's calls about the server as a whole."""

from __future__ import annotations

from asteroid_cloud.client.protocol import routes
from asteroid_cloud.client.results.server import KeyInfo
from asteroid_cloud.client.sync.calls import Calls


class ServerCalls(Calls):
    """Ask what the server holds, and what one may do with it."""

    def key(self) -> KeyInfo:
        """What the client's key may do: its ``name``, ``role`` and the ``collections`` that it is limited to.

        The role is "read", "write" or "admin"; ``collections`` may be aliases, and is None for all.
        """
        return self._transport.send(routes.key())
