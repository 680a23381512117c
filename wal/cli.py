"""``asteroid wal``: looking at the log of a store. Never changes anything, and needs no lock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from itertools import pairwise
from typing import ParamSpec

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.files import LocalFiles
from asteroid_cloud.wal.inspect import Damage, FileState, LogInspector, missing_between
from asteroid_cloud.wal.render import record_line
from asteroid_cloud.wal.types import Lsn

LOG_FOLDER = "wal"
Arguments = ParamSpec("Arguments")


class VerifyResult(msgspec.Struct):
    """What ``verify --json`` prints."""

    ok: bool
    files: int
    bytes: int
    records: int
    first_lsn: Lsn
    last_lsn: Lsn
    torn_tail: Damage | None
    damage: list[Damage]


@click.group()
def wal() -> None:
    """Look at the log of a store, running or not, without changing it."""


_data = click.option(
    "--data",
    envvar="ASTEROID_DATA",
    required=True,
    metavar="DIR",
    show_envvar=True,
    help="The folder of the store.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _errors_to_status(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except AsteroidError as error:
            click.echo(f"asteroid: {error.message}", err=True)
            sys.exit(1)

    return run


def _inspector(data: str) -> LogInspector:
    return LogInspector(LocalFiles(), f"{data.rstrip('/')}/{LOG_FOLDER}")


@wal.command()
@_data
@_as_json
@_errors_to_status
def ls(data: str, as_json: bool) -> None:
    """List the files: their records, LSNs and bytes."""
    states = _gone_through(_inspector(data), bodies=False)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(states)))
        return
    table = Table("file", "first LSN", "last LSN", "records", "frames", "bytes", "", box=None)
    for state in states:
        note = "damaged" if state.damage else "torn tail" if state.torn else ""
        last = str(state.last_lsn) if state.records else "-"
        numbers = (str(state.records), str(state.frames), str(state.bytes))
        table.add_row(state.path.rpartition("/")[2], str(state.first_lsn), last, *numbers, note)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


@wal.command()
@_data
@click.option("--from-lsn", type=click.IntRange(1), default=1, help="Leave out records before this one.")
@click.option("--to-lsn", type=click.IntRange(1), default=None, help="Leave out records after this one.")
@click.option("--vectors", is_flag=True, help="Print vectors in full, not just how many.")
@_errors_to_status
def dump(data: str, from_lsn: int, to_lsn: int | None, vectors: bool) -> None:
    """Print the records as lines of JSON.

    In payloads null keeps the one that is there and "" clears it. Status 1 when damage ends the output.
    """
    inspector = _inspector(data)
    states = inspector.files()
    before: FileState | None = None
    for number, state in enumerate(states):
        newest = number + 1 == len(states)
        if not newest and states[number + 1].first_lsn <= from_lsn:
            continue
        wrong = missing_between(before, state) if before else None
        if wrong is None:
            for record in inspector.records(state, newest=newest):
                if to_lsn is not None and record.lsn > to_lsn:
                    return
                if record.lsn >= from_lsn:
                    click.echo(record_line(record, vectors=vectors))
            wrong = state.damage
            if state.trimmed and (before or state.records):
                wrong = Damage(state.path, 0, "the file was trimmed while the log was printed")
        if wrong is not None:
            click.echo(f"asteroid: {_place(wrong)}", err=True)
            sys.exit(1)
        before = None if state.trimmed else state


@wal.command()
@_data
@_as_json
@_errors_to_status
def verify(data: str, as_json: bool) -> None:
    """Check every file, frame and record. Status 1 at damage.

    A torn tail is no damage: it is what a crash leaves of a write that nobody was told of, or one that is
    being written at the moment. The next start cuts it off and keeps a copy.
    """
    states = _gone_through(_inspector(data), bodies=True)
    gaps = [gap for before, after in pairwise(states) if (gap := missing_between(before, after))]
    damage = [state.damage for state in states if state.damage] + gaps
    result = VerifyResult(
        ok=not damage,
        files=len(states),
        bytes=sum(state.bytes for state in states),
        records=sum(state.records for state in states),
        first_lsn=states[0].first_lsn,
        last_lsn=states[-1].last_lsn,
        torn_tail=states[-1].torn,
        damage=damage,
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(result)))
    else:
        _print(result)
    if damage:
        sys.exit(1)


def _gone_through(inspector: LogInspector, *, bodies: bool) -> list[FileState]:
    while True:
        states = inspector.files()
        for number, state in enumerate(states):
            look = inspector.records if bodies else inspector.frames
            for _ in look(state, newest=number + 1 == len(states)):
                pass
        # What a running server trimmed in the meantime, and all before that, is no part of the log any more.
        kept = 1 + max((number for number, state in enumerate(states) if state.trimmed), default=-1)
        if states[kept:]:
            return states[kept:]


def _print(result: VerifyResult) -> None:
    for damage in result.damage:
        click.echo(f"damage: {_place(damage)}")
    if result.torn_tail:
        click.echo(f"torn tail: {_place(result.torn_tail)}; the next start cuts it off")
    found = f"{result.records} records in {result.files} files, LSN {result.first_lsn} to {result.last_lsn}"
    click.echo(f"{found}: {'ok' if result.ok else 'damaged'}")


def _place(damage: Damage) -> str:
    return f"{damage.path}, byte {damage.offset}: {damage.reason}"
