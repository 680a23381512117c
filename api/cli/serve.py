"""``asteroid serve``: a server over one store, with an option for each setting."""

from __future__ import annotations

import os
import sys

import rich_click as click

from asteroid_cloud.api.http.settings.sources import load_settings, unknown_variables
from asteroid_cloud.api.reference.settings import SettingInfo, list_settings
from asteroid_cloud.wal.errors import AsteroidError


def _option(setting: SettingInfo) -> click.Option:
    """The command line's option for one setting."""
    notes = [f"default: {setting.default}"] * bool(setting.default) + [setting.variable]
    return click.RichOption(
        ["/".join(filter(None, (setting.flag, setting.off_flag))), setting.name],
        is_flag=setting.is_switch,
        default=None,
        type=click.Choice(setting.choices) if setting.choices else None,
        metavar=setting.metavar or None,
        help=f"{setting.meaning} [dim]\\[{'; '.join(notes)}][/]",
        show_envvar=False,
    )


def _serve(config: str | None, **flags: object) -> None:
    """Start a server over one store.

    The folder is made if it does not exist, and recovered if the last server was killed. One line on standard
    output says the address once requests are accepted; Ctrl-C ends the server.

    Every option is also a variable, ASTEROID_DATA for --data and so on, and a key of the file that --config
    names; an option wins over a variable, a variable over the file.
    """
    from asteroid_cloud.api.http.server import run

    for variable in unknown_variables(os.environ):
        click.echo(f"asteroid: there is no setting for the variable {variable}; it has no effect", err=True)
    try:
        run(load_settings(flags, os.environ, config))
    except AsteroidError as error:
        click.echo(f"asteroid: {error.message}", err=True)
        if "advice" in error.details:
            click.echo(f"asteroid: {error.details['advice']}", err=True)
        sys.exit(1)


serve = click.RichCommand(
    name="serve",
    callback=_serve,
    help=_serve.__doc__,
    params=[
        click.RichOption(
            ["--config"], envvar="ASTEROID_CONFIG", metavar="FILE", help="TOML file of settings."
        ),
        *map(_option, list_settings()),
    ],
)
