"""Keys change while the server runs: no request fails for it, and a bad file changes nothing (§12)."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from asteroid_cloud.api.http.access.keys import KeyRing, raw_key
from asteroid_cloud.api.http.access.reload import KeysReload
from ops.server import Server

pytestmark = pytest.mark.anyio
ALWAYS, OLD, NEW = "the-key-of-the-setting", "the-old-key-of-the-file", "the-new-key-of-the-file"


def knows(ring: KeyRing, key: str) -> bool:
    """Whether a key is accepted."""
    return ring.find(f"Bearer {key}".encode()) is not None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of keys, with one."""
    path = tmp_path / "keys"
    path.write_text(f"{OLD}\n")
    return path


async def test_what_the_file_says_counts(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ring = KeyRing([raw_key(ALWAYS), raw_key(OLD)])
    reload = KeysReload(ring, str(path), [raw_key(ALWAYS)])
    await reload.look()
    assert caplog.records == [], "nothing has changed"
    path.write_text(f"{NEW}\n")
    await reload.look()
    assert [knows(ring, key) for key in (ALWAYS, OLD, NEW)] == [True, False, True]
    await reload.look()
    assert [record.getMessage() for record in caplog.records] == [
        "the file of keys was read again: 1 keys are in force"
    ]
    await reload.look(is_asked=True)
    assert len(caplog.records) == 2, "who asks is answered"


@pytest.mark.parametrize("text", ["", "# none\n", "short\n", f"{NEW}\nci:read sha256:zz\n", None])
async def test_a_file_that_is_not_right_changes_nothing(
    path: Path, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    ring = KeyRing([raw_key(OLD)])
    reload = KeysReload(ring, str(path), [])
    await reload.look()
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    for _ in range(3):
        await reload.look()
    assert knows(ring, OLD)
    assert not knows(ring, NEW)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "the keys of before stay in force" in record.getMessage()
    assert NEW not in caplog.text
    path.write_text(f"{NEW}\n")
    await reload.look()
    assert knows(ring, NEW)
    assert not knows(ring, OLD)


async def test_a_file_that_comes_back_as_it_was_is_told_again_when_it_fails_again(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reload = KeysReload(KeyRing([raw_key(OLD)]), str(path), [])
    for _ in range(2):
        path.rename(path.with_name("away"))
        await reload.look()
        path.with_name("away").rename(path)
        await reload.look()
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 2


@pytest.mark.parametrize("hang_up", [True, False])
async def test_a_running_server_takes_keys_over_without_a_failed_request(path: Path, hang_up: bool) -> None:
    good: list[int] = []
    line = f"{OLD}\n"
    stays = f"stays:read sha256:{sha256(b'the-key-that-stays').hexdigest()}\n"
    path.write_text(line + stays)
    with Server(path.parent / "data", "--api-keys", str(path), "--dim", "2") as server:

        async def status(client: httpx.AsyncClient, key: str) -> int:
            answer = await client.get("/v1/stats", headers={"Authorization": f"Bearer {key}"})
            return answer.status_code

        async with httpx.AsyncClient(base_url=server.url) as client:
            assert await status(client, OLD) == 200
            path.with_name("next").write_text(f"{NEW}\n{stays}")
            path.with_name("next").replace(path)
            if hang_up:
                server.process.send_signal(signal.SIGHUP)
            until_s = time.monotonic() + 60
            while await status(client, NEW) != 200:
                good.append(await status(client, "the-key-that-stays"))
                assert time.monotonic() < until_s
                await asyncio.sleep(0.02)
            assert await status(client, OLD) == 401
            good.append(await status(client, "the-key-that-stays"))
    assert set(good) == {200}
