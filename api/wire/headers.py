"""The headers that have a meaning of their own: LSNs, entity tags, and conditions on them."""

from __future__ import annotations

from collections.abc import Mapping

from asteroid_cloud.api.service.checks import checked_lsn, position
from asteroid_cloud.indexer import Condition
from asteroid_cloud.wal.errors import InvalidRequest

LSN_HEADER = "X-Asteroid-LSN"
"""Of an answer: the LSN that it is as of."""
STORE_HEADER = "X-Asteroid-Store"
"""Of an answer: names the store; one that is restored into a new folder gets another name."""
COLLECTION_HEADER = "X-Asteroid-Collection"
"""Of an answer through an alias: the collection that it led to."""
REMEMBERS_HEADER = "X-Asteroid-Idempotency"
"""Of an answer: for how many seconds the server remembers writes with a key."""
VECTORS_HEADER = "X-Asteroid-Vectors"
"""Of an answer: in which forms beside lists of numbers the server takes vectors, separated by commas."""
VECTOR_FORMS = "base64"
MIN_LSN_HEADER = "X-Asteroid-Min-LSN"
"""Of a read: the LSN that it must cover."""
ETAG = "ETag"
IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"
HEAD_ONLY = "asteroid.head_only"
"""In the scope of a request whose answer needs no body: the method was HEAD."""
ANSWER_ROOM = "asteroid.answer_room"
"""In the scope of a request: the ``AnswerRoom`` that its answer is counted in."""
ROUTE = "asteroid.route"
"""In the scope of a request: the ``Match`` of its route."""
GRANT = "asteroid.grant"
"""In the scope of a request: the ``Grant`` of whoever asks."""
COLLECTION = "asteroid.collection"
"""In the scope of a request about a collection: the ``Collection``, open until the answer is sent."""
GONE = "asteroid.gone"
"""In the scope of a request: a context manager whose block ends when the client goes away."""
CUT = "asteroid.cut"
"""In the scope of a request: ends the connection at once, without what is still to be sent."""
WAITS = "asteroid.waits"
"""In the scope of a request: tells whether to send more is to wait for the client."""
HAS_NEWS = "asteroid.has_news"
"""In the scope of a request: tells whether ``receive`` would answer without waiting for the client."""
WELCOME = "asteroid.welcome"
"""In the scope of a request: its connection keeps its place, because the client has shown a key."""
NUMBER_DIGITS_MAX = 19
BULK_HEADER_PREFIXES = ("X-Asteroid-", "X-AsterVec-", "X-LSMVec-")
"""What the headers of a bulk load may begin with: this product's name, and the names it had before."""


def min_lsn_of(headers: Mapping[str, str], field: object = None) -> int:
    """The LSN that a read must cover: the greater one of the header and the body's field, 0 for neither."""
    text = headers.get(MIN_LSN_HEADER)
    if text is None:
        return checked_lsn(field)
    if not _is_number(text):
        raise InvalidRequest(f"{MIN_LSN_HEADER} must be an integer, not {text!r:.80}", code="bad_min_lsn")
    return max(checked_lsn(field), position(MIN_LSN_HEADER, int(text), code="bad_min_lsn"))


def condition_of(headers: Mapping[str, str]) -> Condition | None:
    """The precondition that the headers of a write ask for (RFC 9110, 13.1); the entity tag is an LSN.

    ``If-Match: "<lsn>"``: the id did not change after that record. ``If-Match: *``: the id exists.
    ``If-None-Match: *``: the id does not exist. Raises InvalidRequest ``bad_if_match`` for anything else.
    """
    wanted, unwanted = headers.get(IF_MATCH), headers.get(IF_NONE_MATCH)
    if unwanted is not None:
        if wanted is not None or unwanted != "*":
            raise _refused(f"{IF_NONE_MATCH} may be * only, and without {IF_MATCH}")
        return Condition(exists=False)
    if wanted is None:
        return None
    if wanted == "*":
        return Condition(exists=True)
    text = wanted[1:-1] if len(wanted) > 2 and wanted[0] == wanted[-1] == '"' else wanted
    if not _is_number(text):
        raise _refused(f'{IF_MATCH} must be an LSN like "42", or *, not {wanted!r:.80}')
    return Condition(since=position(IF_MATCH, int(text), code="bad_if_match"))


def entity_tag(lsn: int) -> str:
    """The entity tag of one id as of an LSN, for the If-Match of a write that depends on it."""
    return f'"{lsn}"'


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="bad_if_match")
