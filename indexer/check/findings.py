"""What a verification finds: problems with their places, and what an operator may do about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from asteroid_cloud.wal.errors import AsteroidError, CorruptionError

FROM_LOG = "asteroid wal replay --apply rebuilds the index if the log reaches back; else restore a backup"
FROM_PAYLOADS = "the next start of the server makes the file again from the payloads"
ACKNOWLEDGE = "restore a backup, or accept the loss: asteroid recovery --acknowledge"
ANOTHER_BACKUP = "use another backup, and make a new one: it will not rely on what is damaged here"
NEVER_STARTED = (
    "if it is new, start it, or run the command that was to make it, again; if it has held anything, its "
    "files were removed: restore a backup"
)
FROM_BACKUP = "restore a backup: what the log lost is nowhere else"


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it should be, and what an operator may do about it."""

    place: str
    problem: str
    advice: str


class Findings:
    """Collects findings and notes; damage in one place does not end the search for more."""

    def __init__(self) -> None:
        self.problems: list[Finding] = []
        self.notes: list[str] = []
        """What is no damage, but worth knowing: a torn tail, files that no manifest names."""

    def add(self, place: str, problem: str, advice: str) -> None:
        """One more problem."""
        self.problems.append(Finding(place, problem, advice))

    def note(self, text: str) -> None:
        """One more note."""
        self.notes.append(text)

    @contextmanager
    def catch(self, place: str, advice: str) -> Iterator[None]:
        """Makes a finding of what the block raises."""
        try:
            yield
        except CorruptionError as error:
            self.add(error.path, f"byte {error.offset}: {error.reason}", advice)
        except AsteroidError as error:
            self.add(place, error.message, advice)
