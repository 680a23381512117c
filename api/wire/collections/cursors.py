"""Cursors of collections by name: each says which store it is of, so that none is read in another.

A name may lead elsewhere from one page to the next, when its alias moves. The cursors of paths without a
name are as they were before there were collections.
"""

from __future__ import annotations

from asteroid_cloud.wal.errors import Conflict

MARK = "."
"""Stands before the name of the store; no cursor has it otherwise."""


def marked(cursor: str, store: str) -> str:
    """A cursor that says which store it is of."""
    return f"{cursor}{MARK}{store}"


def unmarked(cursor: str, store: str, *, needs_mark: bool) -> str:
    """The cursor without its mark; raises Conflict ``other_history`` for one of another store.

    One without a mark is of ``default``; with ``needs_mark`` another collection is read.
    """
    plain, has_mark, of_store = cursor.partition(MARK)
    if (of_store != store) if has_mark else needs_mark:
        raise Conflict(
            "the cursor is of another collection than the one that the name leads to now: begin anew",
            code="other_history",
            branched_at=0,
            began_at=0,
        )
    return plain
