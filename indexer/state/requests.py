"""Which requests with a key were done, and what their answers need: so many of the newest, for so long.

Records fill the table and nothing else does, so it is the same after a restart, a replay or a restore. A row
takes 72 bytes. Rows lie in a ring in the order in which the requests came; they are found by a sorted copy
of their keys, and those that came after it was made by a dictionary. One thread at a time adds rows; any
thread may look.
"""

from __future__ import annotations

import threading

import msgspec
import numpy as np

from asteroid_cloud.indexer.limits import ANSWERS_BYTES_MAX
from asteroid_cloud.indexer.model.errors import idempotency_mismatch
from asteroid_cloud.indexer.model.results import DONE, Remembered, WriteCounts
from asteroid_cloud.indexer.state.request_rows import ENTRY, IS_PART, ROW, Entry, Rows, packed, unpacked
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.format import Record, RequestAnswered, RequestKey

OK = 200
"""The status of a mixed write."""
FIRST_ROWS = 64
"""Of a new ring, which doubles until it has as many as the setting says."""
RECENT_MAX = 4096
"""Rows that are found by the dictionary, at about 200 bytes each."""
RECENT_BYTES = 200


class RequestTable:
    """The requests that are remembered."""

    def __init__(self, keys_max: int, age_ms_max: int) -> None:
        """Remembers so many, each for that time; none at all when either is 0."""
        self._keys_max = keys_max if age_ms_max else 0
        self._age_ms_max = age_ms_max
        self._take(np.zeros(min(keys_max, FIRST_ROWS), ROW))
        self._start = self._end = 0
        """Requests are numbered from 0; these are the oldest kept, and the next to come."""
        self._answers: dict[int, bytes] = {}
        self._answer_bytes = 0
        self._recent: dict[bytes, int] = {}
        self._sorted_keys = np.zeros(0, "<u8")
        self._sorted_numbers = np.zeros(0, np.int64)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def ram_bytes(self) -> int:
        """What it takes in memory."""
        found = self._sorted_keys.nbytes + self._sorted_numbers.nbytes
        return self._rows.nbytes + found + RECENT_BYTES * len(self._recent) + self._answer_bytes

    def find(self, request: RequestKey, now_ms: int) -> Remembered | None:
        """What is known of the request.

        Raises InvalidRequest ``idempotency_mismatch`` when its key was used for another one.
        """
        with self._lock:
            number = self._number_of(request.key)
            if number is None:
                return None
            entry = self._entry(number)
            if entry.time_ms + self._age_ms_max <= now_ms:
                return None
            if entry.digest != request.digest:
                raise idempotency_mismatch()
            answer = self._answers.get(number, b"")
            is_part, replaced = entry.marks & IS_PART, entry.marks >> 1
            return Remembered(Lsn(entry.lsn), entry.affected, not is_part, entry.status, answer, replaced)

    def note(
        self, record: Record, affected: int, replaced: int = 0, counts: WriteCounts | None = None
    ) -> None:
        """Record ``record``, which belongs to a request, was applied and touched so many ids.

        Of an insertion, ``replaced`` of them existed before; ``counts`` are the answer of a mixed write.
        """
        request, event = record.request, record.event
        if request is None or self._keys_max == 0:
            return
        lsn, done, is_part = record.lsn, affected + (request.done or 0), request.done is not None
        answered, status, answer = lsn, DONE, b""
        if isinstance(event, RequestAnswered):
            answered, status, answer = Lsn(event.lsn), event.status, event.answer
            is_part = status == DONE
        elif counts is not None and not is_part:
            status, answer = OK, msgspec.json.encode({"lsn": lsn} | msgspec.structs.asdict(counts))
        entry = Entry(
            request.key,
            request.digest,
            lsn,
            lsn,
            answered,
            record.time_ms,
            done,
            status,
            is_part + 2 * replaced,
        )
        with self._lock:
            self._put(entry, answer)
        if len(self._recent) >= RECENT_MAX:
            self._sort()

    def pack(self, until: Lsn) -> bytes:
        """The requests as of record ``until``, for a manifest; b"" when there are none."""
        with self._lock:
            rows, answers, start = self._listed(), dict(self._answers), self._start
        return packed(
            rows, {number - start: text for number, text in answers.items()}, until, self._age_ms_max
        )

    def load(self, contents: bytes) -> None:
        """Takes what ``pack`` gave; raises CorruptionError."""
        if not contents or self._keys_max == 0:
            return
        rows, answers = unpacked(contents)
        skipped = max(0, len(rows) - self._keys_max)
        rows = rows[skipped:]
        self._take(np.zeros(min(self._keys_max, max(len(rows), FIRST_ROWS)), ROW))
        self._rows[: len(rows)] = rows
        self._start, self._end = 0, len(rows)
        self._answers = {
            n - skipped: text for n, text in answers.items() if skipped <= n < skipped + len(rows)
        }
        self._answer_bytes = sum(map(len, self._answers.values()))
        self._sort()

    def _put(self, entry: Entry, answer: bytes) -> None:
        number = self._number_of(entry.key)
        if number is not None and (earlier := self._entry(number)).digest == entry.digest:
            entry = entry._replace(first_lsn=earlier.first_lsn)
            self._drop_answer(number)
        else:
            number = self._end
            self._make_room()
            self._recent[entry.key] = number
            self._end += 1
        ENTRY.pack_into(self._bytes, number % len(self._rows) * ENTRY.size, *entry)
        if answer:
            self._answers[number] = answer
            self._answer_bytes += len(answer)
            while self._answer_bytes > ANSWERS_BYTES_MAX:
                self._forget_oldest()

    def _make_room(self) -> None:
        """For one more row: a larger ring, or the oldest row's place."""
        if len(self) < len(self._rows):
            return
        if len(self._rows) == self._keys_max:
            self._forget_oldest()
            return
        rows = np.zeros(min(self._keys_max, 2 * len(self._rows)), ROW)
        numbers = np.arange(self._start, self._end)
        rows[numbers % len(rows)] = self._rows[numbers % len(self._rows)]
        self._take(rows)

    def _forget_oldest(self) -> None:
        key = self._entry(self._start).key
        if self._recent.get(key) == self._start:
            del self._recent[key]
        self._drop_answer(self._start)
        self._start += 1

    def _drop_answer(self, number: int) -> None:
        self._answer_bytes -= len(self._answers.pop(number, b""))

    def _number_of(self, key: bytes) -> int | None:
        number = self._recent.get(key)
        if number is not None:
            return number
        first = np.frombuffer(key, "<u8")[0]
        at = int(np.searchsorted(self._sorted_keys, first))
        newest = None
        while at < len(self._sorted_keys) and self._sorted_keys[at] == first:
            number = int(self._sorted_numbers[at])
            if number >= self._start and self._entry(number).key == key:
                newest = number if newest is None else max(newest, number)
            at += 1
        return newest

    def _sort(self) -> None:
        """Makes the sorted copy anew, of all rows; looking goes on meanwhile."""
        keys = self._listed()["key"][:, 0]
        order = np.argsort(keys, kind="stable")
        numbers = order.astype(np.int64) + self._start
        with self._lock:
            self._sorted_keys, self._sorted_numbers, self._recent = keys[order], numbers, {}

    def _listed(self) -> Rows:
        """A copy of the rows, the oldest first."""
        return self._rows[np.arange(self._start, self._end) % max(1, len(self._rows))]

    def _take(self, rows: Rows) -> None:
        """Makes these the ring."""
        self._rows, self._bytes = rows, memoryview(rows.view(np.uint8).data)

    def _entry(self, number: int) -> Entry:
        return Entry(*ENTRY.unpack_from(self._bytes, number % len(self._rows) * ENTRY.size))
