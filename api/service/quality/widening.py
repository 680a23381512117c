"""How far searches look that name no ``ef_search``: farther while the recall of such searches is too low.

It is judged by the mean over the last samples. Below ``recall_min`` the ef is doubled, up to
EF_SEARCH_WIDENED_MAX, and the judgement begins again with searches that had the new ef. It is halved again,
down to the default, when recall was well above ``recall_min`` for long; if that was too early, it takes twice
as long the next time.
"""

from __future__ import annotations

import logging
from collections import deque

from asteroid_cloud.query.limits import EF_SEARCH_DEFAULT, EF_SEARCH_WIDENED_MAX

logger = logging.getLogger(__name__)

SAMPLES_MIN = 20
"""Samples of one ef before it is judged."""
SAMPLES_MAX = 50
"""The last samples, of which the mean is taken."""
MARGIN = 0.25
"""Share of the way from ``recall_min`` to 1 that recall has to be above it to be well again."""
PATIENCE = 100
"""Samples that have to be well before the ef is halved."""
PATIENCE_MAX = 16 * PATIENCE


class Widening:
    """The ef of such searches, and whether their recall is low; for one thread."""

    def __init__(self, recall_min: float) -> None:
        self.ef = EF_SEARCH_DEFAULT
        self.is_low = False
        self._recall_min = recall_min
        self._well = recall_min + MARGIN * (1 - recall_min)
        self._samples: deque[float] = deque(maxlen=SAMPLES_MAX)
        self._samples_well = 0
        self._patience = PATIENCE
        self._was_narrowed = False

    def judge(self, recall: float) -> None:
        """Takes in the recall of a search that had the present ef."""
        self._samples.append(recall)
        if len(self._samples) < SAMPLES_MIN:
            return
        mean = sum(self._samples) / len(self._samples)
        if mean < self._recall_min:
            self._found_low(mean)
        elif mean >= self._well:
            self._found_well(mean)
        else:
            self._samples_well = 0

    def _found_low(self, mean: float) -> None:
        samples, widens = len(self._samples), self.ef < EF_SEARCH_WIDENED_MAX
        if widens:
            self._set(min(2 * self.ef, EF_SEARCH_WIDENED_MAX))
        if self._was_narrowed:
            self._patience = min(2 * self._patience, PATIENCE_MAX)
        self._samples_well, self._was_narrowed = 0, False
        if widens or not self.is_low:
            logger.log(
                logging.INFO if self.is_low else logging.WARNING,
                "the recall of searches is %.3f over %d samples, below recall_min %g; "
                "those that name no ef_search have %d now",
                *(mean, samples, self._recall_min, self.ef),
            )
        self.is_low = True

    def _found_well(self, mean: float) -> None:
        if self.is_low:
            self.is_low = False
            logger.info("the recall of searches is %.3f, with an ef_search of %d", mean, self.ef)
        self._samples_well += 1
        if self.ef > EF_SEARCH_DEFAULT and self._samples_well >= self._patience:
            self._set(max(self.ef // 2, EF_SEARCH_DEFAULT))
            self._samples_well, self._was_narrowed = 0, True

    def _set(self, ef: int) -> None:
        self.ef = ef
        self._samples.clear()
