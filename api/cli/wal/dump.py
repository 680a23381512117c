"""``asteroid wal dump``: the records of a log as lines of JSON, all or those that are asked for."""

from __future__ import annotations

import rich_click as click

from asteroid_cloud.api.cli.collection import collection_option
from asteroid_cloud.api.cli.options import INSTANT, LSN, data_option, errors_to_status, log_to_read, lsn_of
from asteroid_cloud.api.service.ids import DECIMAL
from asteroid_cloud.indexer import check_name
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import ID_MAX
from asteroid_cloud.wal.read import KINDS, Selection, record_line, select


@click.command()
@data_option
@click.option("--from-lsn", type=LSN, default=1, help="Leave out records before this one.")
@click.option("--until-lsn", "--to-lsn", type=LSN, help="Leave out records after this one.")
@click.option("--since-time", type=INSTANT, metavar="TIME", help="Leave out records logged before this.")
@click.option("--until-time", type=INSTANT, metavar="TIME", help="Leave out records logged after this.")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only these; may be repeated.")
@click.option(
    "--id",
    "ids",
    multiple=True,
    callback=lambda _, __, texts: tuple(_checked(text) for text in texts),
    help="Only what touches this id, an integer or a string, and of many rows only its own; may be repeated.",
)
@click.option("--vectors", is_flag=True, help="Print vectors in full, not just how many.")
@errors_to_status
@collection_option("data", "beside")
def dump(
    data: str,
    from_lsn: int,
    until_lsn: int | None,
    since_time: int | None,
    until_time: int | None,
    kinds: tuple[str, ...],
    ids: tuple[str, ...],
    vectors: bool,
) -> None:
    """Print the records as lines of JSON.

    In payloads null keeps the one that is there and "" clears it. Times are such as 2026-01-31T12:00:00Z. The
    time of a record is never before that of another one before it; "clock" is what the writer's clock said if
    that was less. What was logged until a time ends with the last record that was, by that clock, and takes
    in all before it. Status 1 when damage ends the output.
    """
    selection = Selection(
        from_lsn=Lsn(from_lsn),
        until_lsn=lsn_of(until_lsn),
        since_ms=since_time,
        until_ms=until_time,
        kinds=frozenset(kinds),
        ids=frozenset(each for text in ids for each in _meant(text)),
    )
    for record in select(log_to_read(data), selection):
        click.echo(record_line(record, vectors=vectors))


def _checked(text: str) -> str:
    try:
        return check_name(text)
    except InvalidRequest as error:
        raise click.BadParameter(error.message) from error


def _meant(text: str) -> tuple[int | str, ...]:
    """The ids that a text may stand for: a log may be of integers and, later, of strings."""
    is_number = DECIMAL.fullmatch(text) is not None and int(text) <= ID_MAX
    return (text, int(text)) if is_number else (text,)
