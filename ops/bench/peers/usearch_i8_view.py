"""usearch's saved file, mapped."""

from __future__ import annotations

from ops.bench.peers.usearch_i8 import UsearchI8


class UsearchI8View(UsearchI8):
    """Read-only: it searches what `usearch` has built."""

    can_insert = can_build = False
    is_mapped = True


ADAPTER = UsearchI8View
