"""The kinds of steps: how often each is drawn, and from what."""

from __future__ import annotations

from collections.abc import Callable

from asteroid_cloud.indexer import Point
from asteroid_cloud.indexer.decide.items import OnExisting
from tests.promises.operations.driver.choices import EXPORTS, TAGS, Choices
from tests.promises.operations.driver.model import Backup, Store, World
from tests.promises.operations.driver.steps.changes import Acknowledge, InPlace, Repair, Replay, Undo
from tests.promises.operations.driver.steps.copies import BackUp, Restore, RestoreTo
from tests.promises.operations.driver.steps.deciding import SetIn, WriteEach, WriteMixed
from tests.promises.operations.driver.steps.harm import RotBackup, RotLog, RotSegment, Tear
from tests.promises.operations.driver.steps.looks import LookAtRepair, LookAtReplay, LookForLoss, Verify
from tests.promises.operations.driver.steps.past import Feed, Purge, Tag, Untag, WaitFor
from tests.promises.operations.driver.steps.serving import Close, Kill, Open
from tests.promises.operations.driver.steps.step import Clock, Step
from tests.promises.operations.driver.steps.transfers import Export, Import, ReplayInto
from tests.promises.operations.driver.steps.writing import BulkLoad, Delete, Flush, Write, WriteIf

Kind = Callable[[Choices, World], Step]
CLOCK_JUMPS_MS = (-3_600_000, -20_000, -5_000, 5_000, 3_600_000)
Table = tuple[tuple[int, Kind], ...]
"""Kinds of steps, each with how often it is drawn."""


BULK_ROWS_MAX = 40
SALVAGE_SHARE = 0.15
LARGE_SHARE = 0.05
MODES: tuple[OnExisting, ...] = ("replace", "skip", "fail")
MODES_OFTEN = (3, 3, 1)


def one_of(table: Table, draw: Choices, world: World) -> Step:
    """A step of one of the kinds."""
    weights = [weight for weight, _ in table]
    ((_, kind),) = draw.random.choices(table, weights)
    return kind(draw, world)


def _write(draw: Choices, world: World) -> Step:
    is_empty = world.served is not None and not world.open_store().now.rows
    if draw.random.random() < (0.3 if is_empty else 0.02):
        rows, ids = draw.random.randint(1, BULK_ROWS_MAX), "string" if draw.has_names else "integer"
        return BulkLoad(rows=rows, draw=draw.rows(), ids=ids, vector=draw.vector)
    is_large = draw.random.random() < LARGE_SHARE
    return Write(ids=draw.ids(), draw=draw.rows(), vector=draw.vector, is_large=is_large)


def _write_if(draw: Choices, world: World) -> Step:
    ids, since = draw.ids()[:1], draw.position(world)
    return WriteIf(ids=ids, draw=draw.rows(), since=since, vector=draw.vector)


def write_each_step(draw: Choices, world: World) -> Step:
    """Items with conditions, some of one id."""
    ids = draw.ids_again()
    modes = tuple(draw.random.choices(MODES, MODES_OFTEN)[0] for _ in ids)
    since = draw.position(world) if draw.random.random() < 0.3 else None
    return WriteEach(ids=ids, draw=draw.rows(), on_existing=modes, since=since, vector=draw.vector)


def write_mixed_step(draw: Choices, world: World) -> Step:
    """Many kinds of changes, some of one id."""
    upserts = draw.ids_again() if draw.random.random() < 0.7 else ()
    again = (*draw.is_there(world), *upserts[:1])
    return WriteMixed(
        draw=draw.rows(),
        matched=draw.draw_of(world) if draw.random.random() < 0.4 else None,
        deletes=draw.ids()[:2] if draw.random.random() < 0.5 else (),
        upserts=upserts,
        on_existing=draw.random.choices(MODES, MODES_OFTEN)[0],
        patches=again if draw.random.random() < 0.5 else (),
        sets=again[-2:] if draw.random.random() < 0.5 else (),
        vector=draw.vector,
    )


def _back_up(draw: Choices, world: World) -> Step:
    into = draw.new_backup(world)
    at = world.served or draw.store(world)
    return BackUp(into=into, at=at, previous=draw.earlier_backup(world, into))


def _transfer(draw: Choices, world: World) -> Step:
    file = draw.file(world)
    if file is not None and draw.random.random() < 0.7:
        return Import(into=draw.one_of((draw.new_store(world), draw.store(world))), file=file)
    return Export(into=draw.one_of(EXPORTS), at=draw.any(world))


def _restore_to(draw: Choices, world: World) -> Step:
    return RestoreTo(into=draw.new_store(world), at=draw.any(world), point=draw.point(world))


def _replay_into(draw: Choices, world: World) -> Step:
    return ReplayInto(into=draw.new_store(world), at=draw.any(world), point=draw.lsn_or_time(world))


def _open(draw: Choices, world: World) -> Step:
    at = draw.store(world)
    keeps_log = draw.one_of((None, None, True, False))
    return Open(at=at, keeps_log=keeps_log, salvages=draw.random.random() < SALVAGE_SHARE)


COMMANDS: Table = (
    (2, lambda draw, world: Restore(into=draw.new_store(world), backup=draw.backup(world))),
    (1, lambda draw, world: Restore(into=draw.store(world), backup=draw.backup(world))),
    (2, _restore_to),
    (1, _replay_into),
    (4, lambda draw, world: InPlace(at=draw.store(world), point=draw.point(world))),
    (2, lambda draw, world: Undo(at=draw.store(world))),
    (1, lambda draw, world: Repair(at=draw.store(world))),
    (1, lambda draw, world: Replay(at=draw.store(world))),
    (1, lambda draw, world: Acknowledge(at=draw.store(world))),
    (2, _transfer),
    (1, lambda draw, world: LookForLoss(at=draw.store(world))),
    (1, lambda draw, world: LookAtRepair(at=draw.store(world))),
    (1, lambda draw, world: LookAtReplay(at=draw.store(world))),
    (1, lambda draw, world: Verify(at=draw.any(world))),
)


def _command(draw: Choices, world: World) -> Step:
    return one_of(COMMANDS, draw, world)


SERVED: Table = (
    (10, _write),
    (3, write_each_step),
    (4, write_mixed_step),
    (1, lambda draw, world: SetIn(draw=draw.rows(), ids=draw.ids())),
    (3, _write_if),
    (2, lambda draw, world: Delete(ids=draw.ids())),
    (7, lambda draw, world: Flush()),
    (3, lambda draw, world: Tag(name=draw.one_of(TAGS))),
    (1, lambda draw, world: Untag(name=draw.one_of(TAGS))),
    (1, lambda draw, world: Purge()),
    (2, lambda draw, world: Feed(since=draw.position(world))),
    (1, lambda draw, world: WaitFor(lsn=draw.position(world))),
    (2, _back_up),
    (4, lambda draw, world: Close()),
    (3, lambda draw, world: Kill()),
    (1, lambda draw, world: Clock(by_ms=draw.one_of(CLOCK_JUMPS_MS))),
    (2, _command),
)
STOPPED: Table = (
    (14, _open),
    (1, lambda draw, world: Open(at=draw.new_store(world), keeps_log=draw.one_of((True, None)))),
    (12, _command),
    (2, _back_up),
    (1, lambda draw, world: Clock(by_ms=draw.one_of(CLOCK_JUMPS_MS))),
    (1, lambda draw, world: Tear(at=draw.store(world))),
    (2, lambda draw, world: RotLog(at=draw.store(world))),
    (1, lambda draw, world: RotSegment(at=draw.store(world))),
    (2, lambda draw, world: RotBackup(at=draw.backup(world), which=draw.file_number())),
)


def follow_ups(draw: Choices, world: World) -> list[Step]:
    """Steps that go on with what is damaged, lost, replaced or interrupted."""
    wanted: list[Step] = []
    for name, found in world.folders.items():
        if isinstance(found, Store) and world.served is None:
            wanted += _after_store(name, found)
        elif isinstance(found, Backup) and found.is_damaged:
            at = draw.store_of(world, found.of.origin)
            wanted += [Restore(into=draw.new_store(world), backup=name)]
            wanted += [BackUp(into=draw.new_backup(world), at=at, previous=name)]
    return wanted


def _after_store(name: str, store: Store) -> list[Step]:
    wanted: list[Step] = []
    if store.may_be_interrupted:
        wanted += [Verify(at=name), LookAtReplay(at=name), LookAtRepair(at=name)]
        wanted += [Replay(at=name), Repair(at=name), Undo(at=name)]
    wanted += [Repair(at=name)] if "log" in store.damages else []
    wanted += [Replay(at=name)] if "segment" in store.damages else []
    wanted += [Open(at=name, salvages=True)] if store.damages or store.loss == "open" else []
    wanted += [Acknowledge(at=name), Open(at=name)] if store.loss == "open" else []
    wanted += [Undo(at=name), InPlace(at=name, point=Point())] if store.replaced else []
    return wanted
