"""One entry of the change feed."""

from __future__ import annotations

from asteroid_cloud.client.results.answer import Answer, Payload


class Change(Answer, frozen=True):
    """One change, or a piece of a large one: all pieces have its LSN, and all but the last say ``more``."""

    lsn: int = 0
    kind: str = ""
    """create_index, delete_index, upsert, delete, set_payload, merge_payload, set_fields or bulk_load."""
    time_ms: int = 0
    """When it was logged, in milliseconds since 1970, by the server's clock."""
    ids: list[int | str] | None = None
    payloads: list[Payload | None] | None = None
    """For each id: None keeps the payload, {} clears it; of ``merge_payload`` the merge-patch.

    Of ``set_fields`` the fields that were set, after what lies at the paths of ``unset`` was removed."""
    unset: list[list[str]] | None = None
    vectors: list[list[float] | None] | None = None
    """As they were given; None for a row that has none."""
    dim: int | None = None
    metric: str | None = None
    bits: int | None = None
    id_kind: str | None = None
    """Of an index whose ids are strings: "string"."""
    vector: str | None = None
    """Of one whose rows need no vector: "optional"."""
    rows: int | None = None
    """Of a bulk load, whose ids are 0 … rows - 1 unless they are strings."""
    more: bool = False
