"""What one read may cost, and how long it may take."""

from __future__ import annotations

from math import inf

import msgspec

from asteroid_cloud.query import COMPONENTS_A_SECOND, Filter, too_costly


class ReadBounds(msgspec.Struct, frozen=True):
    """Of each read, and of finding what a write by filter is to change; none unless they are given."""

    budget_s: float = inf
    """Seconds of one processor, by the estimate."""
    deadline_s: float = inf
    """Seconds from when it is asked for until it is ended; of a write by filter, for each of its batches."""

    @property
    def components(self) -> float:
        """The budget in the unit of estimates."""
        return self.budget_s * COMPONENTS_A_SECOND

    def check(self, cost: float, filter: Filter) -> None:
        """Raises TooCostly for a read whose estimate is beyond the budget."""
        if cost > self.components:
            raise too_costly(name_of(filter), self.components)


def name_of(filter: Filter) -> str:
    """What errors call a read with this filter."""
    return "the read" if filter.matches_all else f"the filter {filter.shown}"
