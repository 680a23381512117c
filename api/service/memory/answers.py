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
        self._gathering: dict[AnswerRoom, None] = {}
        """The answers that still gather rows, the oldest first."""
        self._lock = Lock()

    @property
    def used(self) -> int:
        """Bytes of answers under way now."""
        return self._used

    def change(self, room: AnswerRoom, wanted: int) -> None:
        """An answer holds ``wanted`` bytes from now on; raises Overloaded when they do not fit.

        An answer alone always fits. Of those that still gather rows the oldest goes on, and the younger ones
        are refused when it needs their room: else all of them would lose what they have done, in turn.
        """
        if not (wanted or room.held):
            return
        with self._lock:
            used = self._used + wanted - room.held
            bytes_max = max(self.bytes_max, wanted)
            if wanted > room.held and (room.is_refused or used > bytes_max):
                self._make_room(room, used - bytes_max)
            self._used, room.held = used, wanted
            if room.is_gathering and wanted:
                self._gathering[room] = None
            else:
                self._gathering.pop(room, None)

    def _make_room(self, room: AnswerRoom, missing: int) -> None:
        """Refuses the younger answers that gather; raises Overloaded if that is not enough, or not fair."""
        is_oldest = next(iter(self._gathering), room) is room
        younger = [each for each in self._gathering if each is not room and not each.is_refused]
        if room.is_refused or not is_oldest or sum(each.held for each in younger) < missing:
            room.is_refused = True
            raise Overloaded(
                "answers under way fill the memory that there is for them", retry_after_s=RETRY_AFTER_S
            )
        for each in younger:
            each.is_refused = True


class AnswerRoom:
    """What one answer holds of the budget."""

    def __init__(self, budget: AnswerBudget) -> None:
        self.peak = 0
        """The most that it has held."""
        self._budget = budget
        self.held = 0
        """What it holds now; the budget's to change."""
        self.is_gathering = False
        """Whether it may still be refused for the sake of an older one."""
        self.is_refused = False
        self._gathered = 0
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
        self.is_gathering = True
        self._hold(self._gathered)

    def check(self, size: int) -> None:
        """Raises TooLarge ``answer_too_large`` for an answer of that size."""
        if size > ANSWER_BYTES_MAX:
            raise TooLarge(
                f"the answer would have more than {ANSWER_BYTES_MAX // MIB} MiB: {self._hint}",
                code="answer_too_large",
                limit=ANSWER_BYTES_MAX,
            )

    def hold(self, size: int) -> None:
        """Holds so much from now on, in place of what it held; raises Overloaded."""
        self.is_gathering = False
        self._hold(size)

    def give_back(self, size: int) -> None:
        """Gives back what was sent."""
        self.hold(max(0, self.held - size))

    def release(self) -> None:
        """Gives back all."""
        self.hold(0)

    def _hold(self, size: int) -> None:
        self._budget.change(self, size)
        self.peak = max(self.peak, size)
