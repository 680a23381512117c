"""Where the address and the key come from, and that the key is never shown."""

from __future__ import annotations

import pytest

from asteroid_cloud.client import AsyncClient, Client, InvalidRequest
from asteroid_cloud.client.settings import RetryPolicy, Settings, resolve

NAMES = ("ASTEROID_API_KEY", "ASTEROID_URL", "LSMVEC_API_KEY", "LSMVEC_URL")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def settings(api_key: str | None = None, base_url: str | None = None) -> Settings:
    return resolve(api_key, base_url, 30.0, 4, RetryPolicy())


def test_defaults() -> None:
    assert settings().url == "http://127.0.0.1:8000"
    assert settings().headers == {}


def test_argument_over_variable_over_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSMVEC_API_KEY", "alias")
    monkeypatch.setenv("LSMVEC_URL", "http://alias:1")
    assert settings().headers == {"Authorization": "Bearer alias"}
    assert settings().url == "http://alias:1"
    monkeypatch.setenv("ASTEROID_API_KEY", "variable")
    monkeypatch.setenv("ASTEROID_URL", "https://variable/base/")
    assert settings().headers == {"Authorization": "Bearer variable"}
    assert settings().url == "https://variable:443/base"
    assert settings("argument", "http://[::1]:9").headers == {"Authorization": "Bearer argument"}
    assert settings("argument", "http://[::1]:9").url == "http://[::1]:9"
    assert settings("").headers == {}


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8000", "ftp://host", "http://", "http://host:port", "http://h/?a=1", "http://u:p@h"],
)
def test_bad_urls(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Client(base_url=url)
    assert caught.value.code == "bad_url"


def test_bad_settings() -> None:
    for timeout in (0.0, -1.0, float("nan")):
        with pytest.raises(InvalidRequest):
            Client(timeout=timeout)
    for connections in (0, 10_001):
        with pytest.raises(InvalidRequest):
            Client(connections=connections)
    for key in ("a\nb", "schlüssel"):
        with pytest.raises(InvalidRequest):
            Client(key)


def test_the_key_is_never_shown() -> None:
    canary = "sk-canary"
    for client in (Client(canary, "http://host"), AsyncClient(canary, "http://host")):
        assert canary not in repr(client) + repr(client._transport) + repr(client._transport.settings)
        assert client.base_url == "http://host:80"
    assert repr(Client(canary, "http://host")) == "Client(base_url='http://host:80')"
