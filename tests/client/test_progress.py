"""When a progress bar is shown, and where."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from asteroid_cloud.client import Client
from asteroid_cloud.client import progress as module
from asteroid_cloud.client.progress import Meter
from ops.server import Server
from tests.support.clients import KEY


def pretend_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard error, as it is now, say that it is a terminal."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


def upload(asteroid: Server, **options: Any) -> None:
    with Client(KEY, asteroid.url) as client:
        client.create_index(1)
        assert client.insert_batch([(id, [1.0]) for id in range(30)], chunk_size=10, **options) == 30


def test_forced(asteroid: Server, capsys: pytest.CaptureFixture[str]) -> None:
    upload(asteroid, progress=True)
    shown = capsys.readouterr()
    assert "30/30" in shown.err
    assert shown.out == ""


def test_forbidden(
    asteroid: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_terminal(monkeypatch)
    monkeypatch.setattr(module, "LONG_S", 0.0)
    upload(asteroid, progress=False)
    assert capsys.readouterr().err == ""


def test_short_uploads_stay_quiet(
    asteroid: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_terminal(monkeypatch)
    upload(asteroid)
    assert capsys.readouterr().err == ""


def test_long_uploads_at_a_terminal_show_it(
    asteroid: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_terminal(monkeypatch)
    monkeypatch.setattr(module, "LONG_S", 0.0)
    upload(asteroid)
    assert "30/30" in capsys.readouterr().err


def test_long_uploads_elsewhere_stay_quiet(
    asteroid: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONG_S", 0.0)
    upload(asteroid)
    assert capsys.readouterr().err == ""


def test_without_rich(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_terminal(monkeypatch)
    monkeypatch.setattr(module, "LONG_S", 0.0)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with Meter(None, None) as meter:
        meter.advance(3)
    assert (meter.done, capsys.readouterr().err) == (3, "")
    with pytest.raises(ImportError), Meter(None, True):
        pass
