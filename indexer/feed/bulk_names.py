"""The ids of the rows of a bulk load whose ids are strings, read from the log as they are asked for."""

from __future__ import annotations

from asteroid_cloud.indexer.model.ids import STRING_IDS, Keys
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import LocalLog
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format import BulkIds, BulkLoaded


class BulkNames:
    """Asked for rows in ascending order it reads the log once, and holds the ids of one record."""

    def __init__(self, log: LocalLog, event: BulkLoaded) -> None:
        self._log = log
        self._event = event
        self._cursor = log.reader.cursor(Lsn(event.ids_since))
        self._first = 0
        self._names: list[str] = []

    def of(self, first: int, end: int) -> Keys:
        """The ids of rows ``first`` … ``end - 1``; raises CorruptionError when the log lacks one."""
        if first < self._first:
            self.close()
            self._cursor = self._log.reader.cursor(Lsn(self._event.ids_since))
            self._first, self._names = 0, []
        taken: list[str] = []
        while first < end:
            while first >= self._first + len(self._names):
                self._advance()
            some = self._names[first - self._first : end - self._first]
            taken += some
            first += len(some)
        return STRING_IDS.of(taken)

    def rows_from(self, first: int) -> int:
        """How many rows from this one on have their ids in the record at hand, one at least."""
        self.of(first, first + 1)
        return self._first + len(self._names) - first

    def close(self) -> None:
        """Closes what it reads."""
        self._cursor.close()

    def _advance(self) -> None:
        """Goes on to the next record with ids of this load."""
        while True:
            records = self._cursor.records()
            if not records or isinstance(records[0].event, BulkLoaded):
                raise CorruptionError("bulk load", 0, "the log does not hold all of its ids")
            record = records[0]
            self._cursor.take(Lsn(record.lsn + 1))
            if isinstance(record.event, BulkIds) and record.event.bulk == self._event.bulk:
                self._first, self._names = record.event.first, record.event.ids
                return
