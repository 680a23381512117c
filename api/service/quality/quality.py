"""The quality of a collection's searches: one of many is repeated exactly, and its recall is counted.

The sampled search has been answered before. It is repeated in a thread of low priority on the snapshot that
it read, one at a time, in native code without the GIL; at most RECALL_WAITING_MAX more wait, each with its
snapshot. What would take more than RECALL_TIME_SHARE_MAX of the time, together with the samples of all other
collections, is not repeated at all. Waiting for a disk, or for a processor that others need, counts too.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from copy import deepcopy
from typing import TypeVar

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from asteroid_cloud import query
from asteroid_cloud.api.limits import RECALL_WAITING_MAX
from asteroid_cloud.api.service.figures.histogram import Histogram
from asteroid_cloud.api.service.quality.options import QualityOptions
from asteroid_cloud.api.service.quality.sampling import SharedSampling
from asteroid_cloud.api.service.quality.widening import Widening
from asteroid_cloud.api.service.quality.worker import Worker
from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query import FilterCache, RecallRequest, SearchRequest, SearchResult, Work
from asteroid_cloud.query.knn import PlanKind, plan_kind, recall_by_distance, true_distances
from asteroid_cloud.query.limits import EF_SEARCH_DEFAULT
from asteroid_cloud.wal.errors import Cancelled

SECONDS_A_COMPONENT = 1e-9
"""What an exact search takes for each component, before any has been timed."""
FORGETTING = 0.99
"""What remains of a higher price when it forbids a sample: a disk or processor is not busy for ever."""
COMPONENTS_TIMED_MIN = 100_000
"""What is smaller says more about the cost of a call than about that of a component."""
NEW_SHARE = 0.2
"""Weight of the newest time in the average, when it is less."""
RECENT = 50
"""The last samples, of which ``recall_sampled`` is the mean."""
RECALL_BUCKETS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)

R = TypeVar("R", SearchRequest, RecallRequest)


class Sample(msgspec.Struct, frozen=True, eq=False):
    """A search that was answered, as it is to be repeated."""

    snapshot: Snapshot
    request: SearchRequest
    distances: NDArray[np.float64]
    components: float
    """An estimate of what an exact search costs."""


class QualityReport(msgspec.Struct, frozen=True):
    """What samples say at one moment."""

    recall_sampled: float | None
    """The mean of the last samples; None before the first."""
    recall_samples: int
    """All samples since the store was opened."""
    recall_low: bool
    ef_search_default: int
    """What a search has that names no ``ef_search``."""


class Quality:
    """Samples searches; ``note`` and ``widened`` may be called from any thread."""

    def __init__(
        self,
        cache: FilterCache,
        options: QualityOptions,
        shared: SharedSampling | None = None,
    ) -> None:
        """``shared`` is what all collections of a store have in common."""
        self._cache = cache
        self._every = options.sample_every
        self._searches = itertools.count(1)
        self._shared = shared or SharedSampling()
        self._budget, self._clock = self._shared.budget, self._shared.clock
        self._seconds_a_component = SECONDS_A_COMPONENT
        self._worker = Worker("asteroid-recall", self._repeat, RECALL_WAITING_MAX)
        self._widening = Widening(options.recall_min)
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._samples = 0
        self._by_plan: dict[str, Histogram] = {}
        self._lock = threading.Lock()
        self._work = Work(what="a sampled search")

    @property
    def is_running(self) -> bool:
        """Whether there is a thread to be ended."""
        return self._worker.is_running

    def widened(self, request: R) -> R:
        """The request with the ef that searches have at present which name none."""
        ef = self._widening.ef
        return request if ef == EF_SEARCH_DEFAULT else replace(request, ef_default=ef)

    def note(self, snapshot: Snapshot, request: SearchRequest, result: SearchResult) -> None:
        """Counts a search that was answered, and samples it if it is its turn.

        Of groups and diverse hits the distances say nothing of recall.
        """
        if self._every and not request.exact and request.is_plain and next(self._searches) % self._every == 0:
            self._sample(snapshot, request, result)

    def report(self) -> QualityReport:
        """What samples say now."""
        with self._lock:
            mean = sum(self._recent) / len(self._recent) if self._recent else None
            return QualityReport(mean, self._samples, self._widening.is_low, self._widening.ef)

    def recalls(self) -> dict[str, Histogram]:
        """The recall of all samples, by how their parts were searched."""
        with self._lock:
            return deepcopy(self._by_plan)

    def close(self) -> None:
        """Ends the search that is repeated, and the thread."""
        self._work.cancel()
        self._worker.close()

    def _sample(self, snapshot: Snapshot, request: SearchRequest, result: SearchResult) -> None:
        plain = replace(request, exact=True, include_payload=False, include_vector=False, explain=False)
        components = query.estimate(snapshot, plain, self._cache)
        if not self._is_affordable(components):
            if components * self._seconds_a_component > self._budget.whole_s:
                self._forget_price()
            return
        if request.vector is not None:  # the caller's own array, which may change
            request = replace(request, vector=request.vector.copy())
        self._worker.offer(Sample(snapshot, request, result.distances.copy(), components))

    def _is_affordable(self, components: float) -> bool:
        return components * self._seconds_a_component <= self._budget.left_s()

    def _learn_price(self, newest: float) -> None:
        """A higher price counts at once, a lower one bit by bit."""
        lower = self._seconds_a_component + NEW_SHARE * (newest - self._seconds_a_component)
        self._seconds_a_component = max(newest, lower)

    def _forget_price(self) -> None:
        if self._seconds_a_component > SECONDS_A_COMPONENT:
            self._seconds_a_component = max(SECONDS_A_COMPONENT, FORGETTING * self._seconds_a_component)

    def _repeat(self, sample: Sample) -> None:
        """Measures the recall of a sample, in the worker's thread, while no other collection does."""
        with self._shared.alone:
            self._repeat_alone(sample)

    def _repeat_alone(self, sample: Sample) -> None:
        if not self._is_affordable(sample.components):  # the one before took longer than was thought
            return
        began = self._clock()
        try:
            self._work.check()
            truth = true_distances(sample.snapshot, sample.request, self._cache, self._work)
            plan = plan_kind(sample.snapshot, sample.request, self._cache)
            is_judged = self._is_judged(sample, plan)
        except Cancelled:  # the store is closed
            return
        finally:
            seconds = self._clock() - began
            self._budget.spend(seconds)
        # Under a filter the estimate is of all rows, and the time is of those that match.
        if sample.components >= COMPONENTS_TIMED_MIN and sample.request.filter.matches_all:
            self._learn_price(seconds / sample.components)
        recall = recall_by_distance(sample.distances, truth)
        if recall is not None:
            self._count(plan, recall, is_judged=is_judged)

    def _is_judged(self, sample: Sample, plan: PlanKind) -> bool:
        """Whether it had the present ef because it named none, and walked a graph or would with the default.

        With a larger ef a scan may be planned instead; its recall is what widening has led to.
        """
        request = sample.request
        if request.ef_search is not None or request.ef != self._widening.ef:
            return False
        if plan == "scan" and request.ef > EF_SEARCH_DEFAULT:
            usual = replace(request, ef_default=EF_SEARCH_DEFAULT)
            plan = plan_kind(sample.snapshot, usual, self._cache)
        return plan != "scan"

    def _count(self, plan: PlanKind, recall: float, *, is_judged: bool) -> None:
        if is_judged:
            self._widening.judge(recall)
        with self._lock:
            self._samples += 1
            self._recent.append(recall)
            self._by_plan.setdefault(plan, Histogram(RECALL_BUCKETS)).observe(recall)
