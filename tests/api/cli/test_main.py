"""The command: its help, and how settings get from it to the server."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api.cli import main as cli
from asteroid_cloud.api.cli.serve import serve
from asteroid_cloud.api.http.settings import Settings, variable_of
from asteroid_cloud.wal.errors import LockHeld

WIDE = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that servers would have started with."""
    found: list[Settings] = []
    monkeypatch.setattr("asteroid_cloud.api.http.server.run", found.append)
    return found


def call(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(cli.main, [*arguments], env=WIDE | variables)


def test_every_setting_has_an_option_a_text_and_a_variable() -> None:
    result = call("serve", "--help")
    assert result.exit_code == 0
    shown = re.sub(r"[\s│]+", " ", result.output)
    for name in Settings.__struct_fields__:
        option = next(option for option in serve.params if option.name == name)
        assert re.search(rf"--{name.replace('_', '-')}[ /]", shown)
        assert variable_of(name) in shown
        described = getattr(option, "help", "").split(" [")[0]
        assert described.endswith(".")
        assert described in shown, name
    assert "--config" in shown


def test_defaults_are_shown() -> None:
    shown = call("serve", "--help").output
    for default in ("127.0.0.1", "8000", "256MiB", "l2", "info"):
        assert f"default: {default}" in shown


def test_the_version_is_the_packages() -> None:
    result = call("--version")
    assert (result.exit_code, result.output.strip()) == (0, version("asteroid-cloud"))


def test_options_reach_the_server_over_variables_and_file(started: list[Settings], tmp_path: Path) -> None:
    file = tmp_path / "asteroid.toml"
    file.write_text("keep_log = true\nport = 1\nseal_rows = 5\n")
    result = call(
        "serve",
        "--data",
        "store",
        "--port",
        "0",
        ASTEROID_PORT="2",
        ASTEROID_DIM="3",
        ASTEROID_CONFIG=str(file),
    )
    assert result.exit_code == 0, result.output
    assert started == [Settings(data="store", port=0, dim=3, keep_log=True, seal_rows=5)]


def test_a_flag_not_given_leaves_the_variable_alone(started: list[Settings]) -> None:
    call("serve", "--data", "store", ASTEROID_KEEP_LOG="1")
    call("serve", "--data", "store", "--keep-log", ASTEROID_KEEP_LOG="0")
    call("serve", "--data", "store")
    call("serve", "--data", "store", "--no-keep-log", ASTEROID_KEEP_LOG="1")
    assert [settings.keep_log for settings in started] == [True, True, None, False]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--data"),
        (("--data", "store", "--dim", "x"), "dim"),
        (("--data", "store", "--config", "absent.toml"), "absent.toml"),
    ],
)
def test_a_bad_setting_is_one_line_and_status_1(
    arguments: tuple[str, ...], named: str, started: list[Settings]
) -> None:
    result = call("serve", *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("asteroid: ")
    assert result.stderr.count("\n") == 1
    assert named in result.stderr
    assert started == []


def test_a_store_in_use_is_one_line_and_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def held(settings: Settings) -> None:
        raise LockHeld(f"{settings.data} is held")

    monkeypatch.setattr("asteroid_cloud.api.http.server.run", held)
    result = call("serve", "--data", "store")
    assert (result.exit_code, result.stderr) == (1, "asteroid: store is held\n")


def test_an_unknown_option_or_command_is_refused() -> None:
    assert call("serve", "--bogus").exit_code == 2
    assert call("bogus").exit_code == 2
