"""``asteroid wal``: its commands, and those that list and verify, which change nothing and need no lock."""

from __future__ import annotations

import sys
from itertools import pairwise

import msgspec
import rich_click as click
from rich.table import Table

from asteroid_cloud.api.cli.options import (
    as_json_option,
    data_option,
    errors_to_status,
    log_folder,
    print_json,
    print_table,
)
from asteroid_cloud.api.cli.wal.dump import dump
from asteroid_cloud.api.cli.wal.stats import stats
from asteroid_cloud.api.cli.wal.transfer import export_command, import_command
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import LocalFiles
from asteroid_cloud.wal.read import Damage, FileState, LogInspector, missing_between


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
    """Look at the log of a store, running or not; what changes one says so, and needs the store stopped."""


wal.add_command(dump)
wal.add_command(stats)
wal.add_command(export_command)
wal.add_command(import_command)


def _inspector(data: str) -> LogInspector:
    return LogInspector(LocalFiles(), log_folder(data))


@wal.command()
@data_option
@as_json_option
@errors_to_status
def ls(data: str, as_json: bool) -> None:
    """List the files: their records, LSNs and bytes."""
    states = _gone_through(_inspector(data), bodies=False)
    if as_json:
        print_json(states)
        return
    table = Table("file", "first LSN", "last LSN", "records", "frames", "bytes", "", box=None)
    for state in states:
        note = "damaged" if state.damage else "torn tail" if state.torn else ""
        last = str(state.last_lsn) if state.records else "-"
        numbers = (str(state.records), str(state.frames), str(state.bytes))
        table.add_row(state.path.rpartition("/")[2], str(state.first_lsn), last, *numbers, note)
    print_table(table)


@wal.command()
@data_option
@as_json_option
@errors_to_status
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
        print_json(result)
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
