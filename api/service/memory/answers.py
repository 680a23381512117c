"""The memory of answers: each has a bound, and all that are made or sent at the same time share a budget.

An answer is counted from the first row that is gathered for it until its last byte is sent. What does not fit
is refused as a whole, before it is built: nobody gets half an answer, and the one that is refused makes room
for the others at once.
"""

from __future__ import annotations

from threading import Lock

from asteroid_cloud.api.limits import ANSWER_BYTES_MAX
from asteroid_cloud.wal.errors import Overloaded, TooLarge
from asteroid_cloud.wal.limits import MIB

RETRY_AFTER_S = 1.0


class AnswerBudget:
    """The bytes of all answers under way; may be asked on any thread."""

    def __init__(self, bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self.bytes_max = bytes_max
        self._used = 0
        self._lock = Lock()

    @property
    def used(self) -> int:
        """Bytes of answers under way now."""
        return self._used

    def change(self, held: int, wanted: int) -> None:
        """One answer holds ``wanted`` bytes in place of ``held``.

        Raises Overloaded when they do not fit beside the others; an answer alone always fits.
        """
        with self._lock:
            used = self._used + wanted - held
            if wanted > held and used > max(self.bytes_max, wanted):
                raise Overloaded(
                    "answers under way fill the memory that there is for them", retry_after_s=RETRY_AFTER_S
                )
            self._used = used


class AnswerRoom:
    """What one answer holds of the budget."""

    def __init__(self, budget: AnswerBudget) -> None:
        self.peak = 0
        """The most that it has held."""
        self._budget = budget
        self._gathered = 0
        self._held = 0
        self._hint = "ask for less"

    def lower(self, hint: str) -> AnswerRoom:
        """Sets what an answer that is too large tells the caller to do; gives itself."""
        self._hint = hint
        return self

    def take(self, size: int) -> None:
        """Counts bytes that are about to be gathered, which the answer will have at the least.

        Raises TooLarge ``answer_too_large``, Overloaded.
        """
        self._gathered += size
        self.check(self._gathered)
        self.hold(self._gathered)

    def check(self, size: int) -> None:
        """Raises TooLarge ``answer_too_large`` for an answer of that size."""
        if size > ANSWER_BYTES_MAX:
            raise TooLarge(
                f"the answer would have more than {ANSWER_BYTES_MAX // MIB} MiB: {self._hint}",
                code="answer_too_large",
                limit=ANSWER_BYTES_MAX,
            )

    @property
    def held(self) -> int:
        """What it holds now."""
        return self._held

    def hold(self, size: int) -> None:
        """Holds so much from now on, in place of what it held; raises Overloaded."""
        self._budget.change(self._held, size)
        self._held = size
        self.peak = max(self.peak, size)

    def give_back(self, size: int) -> None:
        """Gives back what was sent."""
        self.hold(max(0, self._held - size))

    def release(self) -> None:
        """Gives back all."""
        self.hold(0)
