"""How the body of each kind of answer becomes a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.json import Decoder
from msgspec.structs import replace

from asteroid_cloud.client.errors import UnexpectedAnswer
from asteroid_cloud.client.protocol.calls import Reply, check, decode
from asteroid_cloud.client.results.answer import Payload
from asteroid_cloud.client.results.fields import Facets, FieldInfo, FieldList, FieldRange
from asteroid_cloud.client.results.recovery import Recovery
from asteroid_cloud.client.results.reports import (
    Backup,
    BackupReport,
    Backups,
    BulkReport,
    IndexInfo,
    PurgeReport,
    Recall,
    Stats,
    Tag,
)
from asteroid_cloud.client.results.rows import (
    Changed,
    Counted,
    Hit,
    HitGroup,
    Hits,
    Inserted,
    Record,
    Row,
    Written,
)
from asteroid_cloud.client.results.server import KeyInfo

WithLsn = TypeVar("WithLsn", Recovery, IndexInfo, Record, BulkReport, Facets, FieldRange, Recall)


class Results(msgspec.Struct, frozen=True):
    """The answer to one search."""

    results: list[Hit] | None = None
    groups: list[HitGroup] | None = None
    explain: object = None

    def hits(self, reply: Reply) -> Hits:
        """The hits of all groups, where there are groups."""
        found = self.results
        if self.groups is not None:
            found = [hit for group in self.groups for hit in group.hits]
        if found is None:
            raise UnexpectedAnswer("an answer without results", status=reply.status)
        return Hits(found, lsn=reply.lsn, explain=self.explain, groups=self.groups)


class Batch(msgspec.Struct, frozen=True):
    """The answer to many searches."""

    results: list[Results]


class Rows(msgspec.Struct, frozen=True):
    """The answer to a fetch."""

    vectors: list[Row]


class Page(msgspec.Struct, frozen=True):
    """One page of a scroll, and where the next one starts: None after the last."""

    vectors: list[Row]
    cursor: str | None = None


class WrittenId(msgspec.Struct, frozen=True):
    """The id in the body of an answer to a write: as the server took it."""

    id: int | str | None = None


class Lsn(msgspec.Struct, frozen=True):
    """The LSN in the body of an answer to a write, and of a vector what became of it."""

    lsn: int = 0
    result: str | None = None


class InsertedAnswer(msgspec.Struct, frozen=True):
    """The answer to a batch."""

    inserted: int
    replaced: int = 0
    skipped: int = 0
    lsn: int = 0


RECOVERY = Decoder(Recovery)
INDEX_INFO = Decoder(IndexInfo)
KEY_INFO = Decoder(KeyInfo)
RECORD = Decoder(Record)
REPORT = Decoder(BulkReport)
RESULTS = Decoder(Results)
BATCH = Decoder(Batch)
ROWS = Decoder(Rows)
PAGE = Decoder(Page)
LSN = Decoder(Lsn)
WRITTEN_ID = Decoder(WrittenId)
FACETS = Decoder(Facets)
RANGE = Decoder(FieldRange)
RECALL = Decoder(Recall)
OBJECT = Decoder(Payload)
INSERTED = Decoder(InsertedAnswer)
CHANGED = Decoder(Changed)


def stamped(value: WithLsn, reply: Reply) -> WithLsn:
    """The result with the LSN of the header, unless the body named one."""
    return value if value.lsn or not reply.lsn else replace(value, lsn=reply.lsn)


def index_info(reply: Reply) -> IndexInfo:
    """The index's state."""
    return stamped(decode(INDEX_INFO, reply), reply)


def key_info(reply: Reply) -> KeyInfo:
    """What the client's key may do."""
    return decode(KEY_INFO, reply)


def record_of(reply: Reply) -> Record:
    """One stored vector."""
    return stamped(decode(RECORD, reply), reply)


def bulk_report(reply: Reply) -> BulkReport:
    """The report of a bulk build."""
    return stamped(decode(REPORT, reply), reply)


def stats_of(reply: Reply) -> Stats:
    """The server's figures, those unknown to this client kept as they are."""
    answer = decode(OBJECT, reply)
    known = {name: answer.pop(name) for name in Stats.__struct_fields__ if name in answer}
    try:
        stats = msgspec.convert({**known, "more": answer}, Stats)
    except msgspec.ValidationError as error:
        raise UnexpectedAnswer(f"statistics that do not fit: {error}", status=reply.status) from error
    return replace(stats, lsn=reply.lsn) if reply.lsn else stats


def recovery_of(reply: Reply) -> Recovery:
    """What the server found when it opened the store."""
    return stamped(decode(RECOVERY, reply), reply)


def written(id: int | str) -> Callable[[Reply], Written]:
    """A reader of answers to a write of that id: a body with an LSN, or none at all and the header."""

    def read(reply: Reply) -> Written:
        lsn = done(reply)
        result = decode(LSN, reply).result if reply.body else None
        return Written(_id_in(reply, id) if reply.body else id, lsn, result)

    return read


def _id_in(reply: Reply, asked: int | str) -> int | str:
    found = decode(WRITTEN_ID, reply).id
    return asked if found is None else found


def done(reply: Reply) -> int:
    """The LSN of a write; an answer without one is not the server's, whatever its status."""
    check(reply)
    lsn = reply.lsn or (decode(LSN, reply).lsn if reply.body else 0)
    if lsn == 0:
        raise UnexpectedAnswer(f"the server answered {reply.status} without an LSN", status=reply.status)
    return lsn


def lsn_of(reply: Reply) -> int:
    """An LSN, which is the whole answer."""
    return decode(LSN, reply).lsn


def inserted_of(reply: Reply) -> Inserted:
    """The answer to a batch; an older server says only how many were written."""
    answer = decode(INSERTED, reply)
    return Inserted(
        answer.inserted, replaced=answer.replaced, skipped=answer.skipped, lsn=answer.lsn or reply.lsn
    )


def changed_of(reply: Reply) -> Changed:
    """The answer to a mixed write."""
    return decode(CHANGED, reply)


def count_of(name: str) -> Callable[[Reply], Counted]:
    """A reader of answers with one number under that name."""

    def read(reply: Reply) -> Counted:
        answer = decode(OBJECT, reply)
        number, lsn = answer.get(name), answer.get("lsn", 0)
        if not isinstance(number, int) or isinstance(number, bool) or not isinstance(lsn, int):
            raise UnexpectedAnswer(f"an answer without the number {name!r}", status=reply.status)
        return Counted(number, lsn=lsn or reply.lsn)

    return read


def payload_of(reply: Reply) -> Payload:
    """A payload, which is the whole body."""
    return decode(OBJECT, reply)


def hits_of(reply: Reply) -> Hits:
    """The hits of one search."""
    return decode(RESULTS, reply).hits(reply)


def hit_lists(expected: int) -> Callable[[Reply], list[Hits]]:
    """A reader of the hits of that many searches."""

    def read(reply: Reply) -> list[Hits]:
        answers = decode(BATCH, reply).results
        if len(answers) != expected:
            raise UnexpectedAnswer(f"{len(answers)} answers to {expected} searches", status=reply.status)
        return [each.hits(reply) for each in answers]

    return read


def rows_of(reply: Reply) -> list[Row]:
    """The rows of a fetch."""
    return decode(ROWS, reply).vectors


def page_of(reply: Reply) -> Page:
    """One page of a scroll."""
    return decode(PAGE, reply)


class BackupsAnswer(Struct, frozen=True):
    """A list of backups."""

    backups: list[Backup]
    damaged: list[str] = msgspec.field(default_factory=list)


BACKUP_REPORT, BACKUPS = Decoder(BackupReport), Decoder(BackupsAnswer)


def backup_report(reply: Reply) -> BackupReport:
    """A backup that was made."""
    return decode(BACKUP_REPORT, reply)


def backups_of(reply: Reply) -> Backups:
    """The finished backups."""
    found = decode(BACKUPS, reply)
    return Backups(found.backups, damaged=found.damaged)


class TagsAnswer(Struct, frozen=True):
    """A list of tags."""

    tags: list[Tag]


TAG, TAGS, PURGE_REPORT = Decoder(Tag), Decoder(TagsAnswer), Decoder(PurgeReport)


def tag_of(reply: Reply) -> Tag:
    """A tag that was made."""
    return decode(TAG, reply)


def tags_of(reply: Reply) -> list[Tag]:
    """The tags there are."""
    return decode(TAGS, reply).tags


def purge_report(reply: Reply) -> PurgeReport:
    """What a purge erased."""
    return decode(PURGE_REPORT, reply)


def facets_of(reply: Reply) -> Facets:
    """The commonest values of a field."""
    return stamped(decode(FACETS, reply), reply)


class FieldsAnswer(Struct, frozen=True):
    """The fields that payloads have."""

    fields: list[FieldInfo]


FIELDS = Decoder(FieldsAnswer)


def field_list_of(reply: Reply) -> FieldList:
    """The fields that payloads have."""
    return FieldList(decode(FIELDS, reply).fields, lsn=reply.lsn)


def range_of(reply: Reply) -> FieldRange:
    """The least and the greatest value of a field."""
    return stamped(decode(RANGE, reply), reply)


def recall_of(reply: Reply) -> Recall:
    """How much of the truth searches find."""
    return stamped(decode(RECALL, reply), reply)
