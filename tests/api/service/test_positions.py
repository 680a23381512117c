"""A position is an LSN, an integer below 2^53: what no store ever gives out is refused, in every place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from asteroid_cloud.api import Store
from asteroid_cloud.api.cli.main import main
from asteroid_cloud.api.service import read_executor
from asteroid_cloud.wal import LSN_MAX
from asteroid_cloud.wal.errors import InvalidRequest
from tests.support.asking import ZEROS, Http

BEYOND = (LSN_MAX + 1, 2**63 - 1)
ROW = {"id": 1, "vector": ZEROS}


class Asked:
    """A request with a position in it, and how the position is called there."""

    def __init__(
        self,
        name: str,
        code: str,
        method: str,
        path: str,
        body: Any = None,
        header: str = "",
        text: str = "%d",
    ) -> None:
        self.name = name
        self.code = code
        self._request = method, path, body
        self._header, self._text = header, text

    def parts(self, lsn: int) -> tuple[str, str, Any, dict[str, str] | None]:
        """Method, path, body and headers."""
        method, path, body = self._request
        if self._header:
            return method, path, body, {self._header: self._text % lsn}
        if body is None:
            return method, path % lsn, None, None
        return method, path, body | {self.name: lsn}, None


REQUESTS = [
    Asked("min_lsn", "bad_min_lsn", "POST", "/v1/count", {}),
    Asked("min_lsn", "bad_min_lsn", "POST", "/v1/search/batch", {"searches": [{"vector": ZEROS}]}),
    Asked("X-Asteroid-Min-LSN", "bad_min_lsn", "GET", "/v1/stats", header="X-Asteroid-Min-LSN"),
    Asked("If-Match", "bad_if_match", "POST", "/v1/vectors", ROW, header="If-Match", text='"%d"'),
    Asked("If-Match", "bad_if_match", "DELETE", "/v1/vectors/1", header="If-Match"),
    Asked("since", "bad_since", "GET", "/v1/changes?since=%d"),
    Asked("since", "bad_since", "GET", "/v1/changes", header="Last-Event-ID"),
]


@pytest.mark.anyio
@pytest.mark.parametrize("asked", REQUESTS, ids=lambda asked: asked.name)
async def test_over_http_field_and_limit_are_named(
    http: Http, monkeypatch: pytest.MonkeyPatch, asked: Asked
) -> None:
    monkeypatch.setattr(read_executor, "MIN_LSN_WAIT_S_MAX", 0.0)
    for lsn in BEYOND:
        method, path, body, headers = asked.parts(lsn)
        told = await http.refused(method, path, body, status=400, code=asked.code, headers=headers)
        assert f"{asked.name} must be an LSN, an integer from 0 to {LSN_MAX}" in told["error"]
        assert told["limit"] == LSN_MAX
    method, path, body, headers = asked.parts(LSN_MAX)
    status, code = (503, "not_caught_up") if asked.code == "bad_min_lsn" else (400, asked.code)
    told = await http.refused(method, path, body, status=status, code=code, headers=headers)
    assert "limit" not in told, "the greatest LSN is only not reached yet"


CALLS: dict[str, Callable[[Store, int], Awaitable[object]]] = {
    "min_lsn": lambda store, lsn: store.count(min_lsn=lsn),
    "if_match": lambda store, lsn: store.delete(1, if_match=lsn),
    "since": lambda store, lsn: anext(store.changes(lsn)),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", CALLS)
async def test_the_embedded_store_names_them_too(store: Store, name: str) -> None:
    for lsn in BEYOND:
        with pytest.raises(InvalidRequest, match=f"{name} must be an LSN, .* to {LSN_MAX}") as refused:
            await CALLS[name](store, lsn)
        assert refused.value.code == f"bad_{name}"


@pytest.mark.parametrize(
    "command",
    [
        ["restore", "backup", "--into", "new", "--until-lsn"],
        ["wal", "dump", "--data", "store", "--from-lsn"],
        ["wal", "export", "all.jsonl", "--data", "store", "--until-lsn"],
    ],
    ids=" ".join,
)
def test_commands_say_the_limit(tmp_path: Path, command: list[str]) -> None:
    ended = CliRunner().invoke(main, [*command, str(LSN_MAX + 1)])
    assert ended.exit_code == 2
    assert str(LSN_MAX) in ended.output
