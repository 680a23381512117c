"""The errors that several parts of the indexer raise in the same words."""

from __future__ import annotations

from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, NotFound


def no_index() -> Conflict:
    """The error for what needs an index before one is created."""
    return Conflict("there is no index yet", code="index_not_initialized")


def wrong_dim(given: int, expected: int) -> InvalidRequest:
    """The error for a vector of another dimension than the index's."""
    return InvalidRequest(
        f"the vector has {given} numbers, the index has dimension {expected}", code="wrong_dim"
    )


def other_ids(spec: IndexSpec) -> InvalidRequest:
    """The error for integers where ids are strings, and the other way round."""
    kind = "strings" if spec.has_string_ids else "integers"
    return InvalidRequest(f"the ids of this index are {kind}", code="bad_id")


def wrong_payload_count(given: int, expected: int) -> InvalidRequest:
    """The error for a batch with another number of payloads than of ids."""
    return InvalidRequest(f"{given} payloads for {expected} ids", code="bad_payload")


def no_such_id(shown: str) -> NotFound:
    """The error for an id that is not stored."""
    return NotFound(f"there is no vector with id {shown}")


def idempotency_mismatch() -> InvalidRequest:
    """A key was used again for another request."""
    return InvalidRequest("this Idempotency-Key was used for another request", code="idempotency_mismatch")


def no_vector_given() -> InvalidRequest:
    """A row has no vector, in an index whose rows need one."""
    return InvalidRequest("each row of this index needs a vector", code="bad_vector")
