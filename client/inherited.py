"""Sockets that a forked child inherits: it must neither use nor disturb the connections of its parent."""

from __future__ import annotations

import os
import socket
from weakref import WeakSet

_OPEN: WeakSet[socket.socket] = WeakSet()


def watched(sock: socket.socket) -> socket.socket:
    """The socket, whose descriptor leads to nothing in processes that are forked from now on."""
    _OPEN.add(sock)
    return sock


def _let_go() -> None:
    """Run in a new child: its copies of all descriptors lead to the null device.

    The parent's connections then end when the parent closes them. The numbers stay in use, so whatever
    closes them later closes nothing else; and the selector of an event loop, which parent and child share,
    does not take them for the parent's.
    """
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for sock in list(_OPEN):
        if sock.fileno() >= 0:
            os.dup2(nothing, sock.fileno(), inheritable=False)
    os.close(nothing)
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
