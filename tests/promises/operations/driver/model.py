"""What must be true of every folder of a history: stores, backups, exported files, and what is half made.

A store is its contents after each record that led to it. Whatever goes back in time goes to one of these, and
keeps those before it. The model does not predict the LSN with which a store goes on then: it learns that from
the store, and the numbers that were given out before must never come again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from asteroid_cloud.indexer.model.ids import Id
from tests.promises.power.stored import Contents, Stored

Damage = Literal["log", "segment", "backup"]


@dataclass
class Store:
    """What one store holds, and held."""

    states: dict[int, Stored] = field(default_factory=lambda: {0: Stored(None)})
    """What it held after each of its records, by LSN."""
    times: dict[int, int] = field(default_factory=dict)
    """What the clock said when each of them was logged, in milliseconds; it may have gone back."""
    tags: dict[str, int] = field(default_factory=dict)
    """The record that each tag names."""
    replaced: list[Store] = field(default_factory=list)
    """What undo brings back, the newest last."""
    given_out: set[int] = field(default_factory=set)
    """All LSNs that were ever acknowledged in it, abandoned ones too."""
    keeps_log: bool | None = False
    """Whether it was told to keep its whole log from now on; None when a kill left that open."""
    keeps_all: bool = True
    """Whether its log surely reaches back to the first record."""
    damages: frozenset[Damage] = frozenset()
    """What of it is damaged, and not mended yet."""
    damaged_from: int = 0
    """The record that a damage of the log begins with."""
    may_be_trimmed: bool = False
    """Whether it is served, so that what is damaged of its log may be trimmed."""
    is_torn: bool = False
    """Whether its log ends in half a write."""
    loss: Literal["open", "acknowledged"] | None = None
    """Whether something acknowledged is lost, and whether its operator said to know it."""
    lost_from: int = 0
    """The first record that was lost."""
    lost_rows: frozenset[tuple[Id, bytes]] = frozenset()
    """Ids and payloads of rows that were lost with a segment: they are in no state any more."""
    doubtful_rows: frozenset[tuple[Id, bytes]] = frozenset()
    """Rows that were replaced or deleted when a segment was lost; it may have held them."""
    origin: int = 0
    """Tells stores apart of which none was made from the other."""
    is_repaired: bool = False
    """Whether its log was just repaired, and it is not known yet what that gave up."""
    is_salvaged: bool = False
    """Whether a damaged segment may just have been given up, and it is not known yet which rows it held."""
    begins_history: bool = False
    """Whether it went back in time, and goes on with an LSN that is not known yet."""
    may_be_interrupted: bool = False
    """Whether a command was killed that the next one to enter has to finish."""
    may_be_bare: bool = False
    """Whether the start that made it was killed: there may be a folder, and no log in it yet."""

    @property
    def lsn(self) -> int:
        """The newest record."""
        return max(self.states)

    @property
    def now(self) -> Stored:
        """What it holds."""
        return self.held(self.lsn)

    def held(self, lsn: int) -> Stored:
        """What is left of what it held after a record."""
        state = self.states[lsn]
        rows = (state.rows or {}).items()
        lost = {id_: None for id_, (_, text) in rows if (id_, text) in self.lost_rows}
        return state.with_rows({**lost}) if lost else state

    @property
    def all_rows(self) -> frozenset[tuple[Id, bytes]]:
        """Ids and payloads of all rows that it ever held."""
        states = self.states.values()
        return frozenset((id_, text) for state in states for id_, (_, text) in (state.rows or {}).items())

    def miss(self, ids: frozenset[Id]) -> frozenset[tuple[Id, bytes]]:
        """Takes doubtful rows for lost that are not there, given the ids that are; which those are."""
        rows = (self.now.rows or {}).items()
        missing = frozenset((id_, text) for id_, (_, text) in rows if id_ not in ids) & self.doubtful_rows
        self.lost_rows |= missing
        return missing

    def lose(self, from_lsn: int, *, is_open: bool = True) -> None:
        """Something is lost from that record on, of which its operator may know already."""
        self.lost_from = from_lsn if self.loss is None else min(self.lost_from, from_lsn)
        self.loss = "open" if is_open else "acknowledged"

    @property
    def abandoned(self) -> list[int]:
        """Positions that were acknowledged and are not in its history any more."""
        return sorted(self.given_out - set(self.states))

    @property
    def is_whole(self) -> bool:
        """Whether every byte of it is as it was written, and nothing is lost that nobody knows of."""
        return not self.damages and self.loss != "open"

    @property
    def is_sound(self) -> bool:
        """Whether no command was killed that would have to be finished first."""
        return not (self.may_be_interrupted or self.may_be_bare)

    def changed_last(self, id_: Id) -> int:
        """The record that changed an id last, 0 if none did."""
        before, last = None, 0
        for lsn in sorted(self.states):
            row = (self.held(lsn).rows or {}).get(id_)
            before, last = row, last if row == before else lsn
        return last

    def contents(self) -> Contents:
        """The same with its tags, as an engine is asked for it."""
        tags = []
        for name, lsn in sorted(self.tags.items()):
            _, rows, digest, _ = self.held(lsn).contents()
            tags.append((name, rows, digest))
        return Stored(self.now.rows, tuple(tags)).contents()

    def add(self, after: Stored, time_ms: int) -> None:
        """One more record."""
        self.take(self.lsn + 1, after, time_ms)

    def take(self, lsn: int, after: Stored, time_ms: int) -> None:
        """A record with a number that was not foreseen."""
        self.states[lsn] = after
        self.times[lsn] = time_ms
        self.given_out.add(lsn)

    def as_of(self, lsn: int) -> Store:
        """A store that is made from this one as record ``lsn`` left it; it begins a history of its own."""
        made = self.copy()
        made.states = {at: state for at, state in self.states.items() if at <= lsn}
        made.times = {at: time for at, time in self.times.items() if at <= lsn}
        made.tags = {name: at for name, at in self.tags.items() if at <= lsn}
        made.keeps_all = made.is_torn = made.may_be_interrupted = made.may_be_bare = False
        made.replaced, made.damages, made.begins_history = [], frozenset(), True
        if lsn < self.lost_from:
            made.loss = None
        return made

    def go_back(self, lsn: int) -> Store:
        """The same store after a restore in place."""
        made = self.as_of(lsn)
        made.loss, made.lost_from = self.loss, self.lost_from
        made.replaced = [*self.replaced, self]
        return made

    def undo(self) -> Store:
        """The same store after what was replaced last came back."""
        *older, newest = self.replaced
        made = newest.copy()
        made.given_out = self.given_out | newest.given_out
        made.loss, made.lost_from, made.keeps_log = self.loss, self.lost_from, self.keeps_log
        made.replaced, made.begins_history = [*older, self], True
        return made

    def backed_up(self) -> Store:
        """What a backup holds of it: damage stops one, and what was replaced is not part of it."""
        made = self.copy()
        made.is_torn = made.may_be_interrupted = made.may_be_bare = False
        made.damages, made.replaced = frozenset(), []
        return made

    def copy(self) -> Store:
        """Changes to it do not change this one."""
        return replace(
            self,
            states=dict(self.states),
            times=dict(self.times),
            tags=dict(self.tags),
            replaced=list(self.replaced),
            given_out=set(self.given_out),
        )


@dataclass
class Backup:
    """A backup: the store as it was when it was made."""

    of: Store
    made_ms: int
    is_damaged: bool = False

    def copy(self) -> Backup:
        """Changes to it do not change this one."""
        return Backup(self.of.copy(), self.made_ms, self.is_damaged)


@dataclass(frozen=True)
class Exported:
    """An exported file: all records of the log of ``of``."""

    of: Store

    def copy(self) -> Exported:
        """Nothing of it changes."""
        return self


@dataclass(frozen=True)
class Unfinished:
    """What a killed command may have left of a new folder or file: nobody may take it for whole."""

    def copy(self) -> Unfinished:
        """Nothing of it changes."""
        return self


Folder = Store | Backup | Exported | Unfinished


@dataclass
class World:
    """All folders of a history, by name."""

    folders: dict[str, Folder] = field(default_factory=dict)
    served: str | None = None
    """The store that is open."""
    now_ms: int = 0
    origins: int = 0
    """How many stores began from nothing."""

    def copy(self) -> World:
        """Changes to it do not change this one."""
        return replace(self, folders={name: folder.copy() for name, folder in self.folders.items()})

    def new_store(self) -> Store:
        """One that begins from nothing."""
        self.origins += 1
        return Store(origin=self.origins)

    def store(self, name: str) -> Store | None:
        """The store of that name, if it is one."""
        found = self.folders.get(name)
        return found if isinstance(found, Store) else None

    def backup(self, name: str) -> Backup | None:
        """The backup of that name, if it is one."""
        found = self.folders.get(name)
        return found if isinstance(found, Backup) else None

    def open_store(self) -> Store:
        """The store that is served."""
        assert self.served is not None
        found = self.store(self.served)
        assert found is not None
        return found
