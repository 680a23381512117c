"""``asteroid wal export`` and ``import``: records of a log as one file, and a log from it."""

from __future__ import annotations

from os.path import realpath

import rich_click as click

from asteroid_cloud.api.cli.collection import collection_option
from asteroid_cloud.api.cli.options import (
    INSTANT,
    LSN,
    as_json_option,
    data_option,
    errors_to_status,
    log_folder,
    lsn_of,
    print_json,
)
from asteroid_cloud.indexer import check_backed_up_log
from asteroid_cloud.wal.disk import LocalFiles
from asteroid_cloud.wal.store import peek
from asteroid_cloud.wal.transfer import LogExport, export_log, import_log, last_record_until


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False))
@data_option
@click.option("--from-lsn", type=LSN, help="Begin with this record, not the oldest.")
@click.option("--until-lsn", type=LSN, help="End with this record, not the newest.")
@click.option("--until-time", type=INSTANT, metavar="TIME", help="End with the last record of then.")
@as_json_option
@errors_to_status
@collection_option("data", "beside")
def export_command(
    file: str, data: str, from_lsn: int | None, until_lsn: int | None, until_time: int | None, as_json: bool
) -> None:
    """Write records into the new file FILE, which "import" checks and takes.

    A server may have the store open. Status 1 when the log lacks the records, or is not as it was backed up,
    or FILE exists.
    """
    files, folder, until = LocalFiles(), log_folder(data), lsn_of(until_lsn)
    peek(files, data.rstrip("/"), backups=True)
    check_backed_up_log(files, data.rstrip("/"))
    if until_time is not None:
        if until is not None:
            raise click.UsageError("--until-lsn and --until-time do not go together")
        until = last_record_until(files, folder, until_time)
    done = export_log(files, folder, file, lsn_of(from_lsn), until)
    _show("exported", done, file, as_json)


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, exists=True))
@data_option
@as_json_option
@errors_to_status
@collection_option("data", "enter")
def import_command(file: str, data: str, as_json: bool) -> None:
    """Make a new store's log from the exported FILE, or append FILE to the log of a stopped store.

    All of it or nothing; the next start puts the records into the index. Status 1 when FILE is damaged or
    does not fit.
    """
    _show("imported", import_log(LocalFiles(), realpath(file), data.rstrip("/")), file, as_json)


def _show(done: str, found: LogExport, file: str, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    records = found.records
    which = f"LSN {found.first_lsn} to {found.last_lsn}" if records else "none"
    click.echo(f"{done} {file}: {records:,} records, {which}, {found.bytes:,} bytes")
