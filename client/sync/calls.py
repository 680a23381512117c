# Written by ops/faces from client/aio/calls.py: change that one.
"""What every group of the blocking client's calls is given."""

from __future__ import annotations

from asteroid_cloud.client.sync.transport import BlockingTransport


class Calls:
    """A group of calls on one server."""

    def __init__(self, transport: BlockingTransport) -> None:
        self._transport = transport
