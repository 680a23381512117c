"""``docs/errors.md``: every error code, its status, its meaning, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from asteroid_cloud.api.reference import list_errors
from asteroid_cloud.client.errors import error_class
from ops.docs.tables import page, table

INTRO = """
Every error of the HTTP API has the same shape, a JSON object with a sentence and a code:

```json
{"error": "the vector has 3 numbers, the index has dimension 384", "code": "wrong_dim"}
```

The code is stable: programs may branch on it. The sentence is for people and may change. Some errors have
more fields, for example `index` (the item of a batch) or `lsn`. `429` and `503` come with a `Retry-After`
header. The embedded store raises the same codes as exceptions, `error.code`.

The Python clients raise the class in the last column; all of them are in `asteroid_cloud.client`. Until the
time limit of the call they repeat by themselves what is safe: reads after lost connections and the statuses
`429`, `502`, `503` and `504`; writes only when they surely had no effect, that is when the server could not
be reached, or answered `overloaded`, `not_ready` or `rate_limited` and nothing had been done.
"""
COMMANDS = """
## Codes of commands and of the embedded store

No request causes these. Commands print the sentence and end with a status that is not 0.
"""
INTERNAL = """
## When it is not your request

- `500 internal` is a fault of the server. The answer has a `request_id`; the server's log has the cause under
  that id.
- `500 corruption` and `503 degraded` need the operator:
  [start a damaged store](how-to/start-a-damaged-store.md).
- `503 poisoned` means that the disk failed to make a write durable. No write is accepted until the server
  has been restarted; reads go on. Look at the disk first.
- `507 no_space` is not permanent: the refused write was undone, and writes go on as soon as there is room.
"""


def errors_page() -> str:
    """The whole page."""
    return page("Error codes", INTRO, *_by_status(), COMMANDS, _of_commands(), INTERNAL)


def _by_status() -> Iterator[str]:
    head = ("Code", "Meaning", "What to do", "Client class")
    codes = list_errors()
    for status in sorted({each.status for each in codes if each.status is not None}):
        yield f"## {status} {HTTPStatus(status).phrase}"
        own = [each for each in codes if each.status == status]
        classes = [error_class(status, each.code).__name__ for each in own]
        rows = [
            (f"`{each.code}`", each.meaning, each.action, f"`{name}`")
            for each, name in zip(own, classes, strict=True)
        ]
        yield table(head, rows)


def _of_commands() -> str:
    rows = [(f"`{each.code}`", each.meaning, each.action) for each in list_errors() if each.status is None]
    return table(("Code", "Meaning", "What to do"), rows)
