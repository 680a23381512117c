"""Whether a log goes on behind a record is told by the headers of its frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from asteroid_cloud.wal import LocalFiles, LocalLog, Lsn
from asteroid_cloud.wal.format.events import PayloadReplaced
from asteroid_cloud.wal.read import has_records_after

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("file_bytes", [57, 1 << 20])
async def test_records_behind_one_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_bytes: int
) -> None:
    monkeypatch.setattr("asteroid_cloud.wal.append.writer.LOG_FILE_BYTES_MAX", file_bytes)
    folder = str(tmp_path / "wal")
    assert not has_records_after(LocalFiles(), folder, Lsn(0)), "there is no log"
    log = await LocalLog.open(LocalFiles(), folder)
    assert not has_records_after(LocalFiles(), folder, Lsn(0)), "it is empty"
    for number in range(5):
        await log.append([PayloadReplaced(number, b"{}"), PayloadReplaced(number, b"{}")])
    await log.close()
    assert [has_records_after(LocalFiles(), folder, Lsn(lsn)) for lsn in range(12)] == [True] * 10 + [
        False
    ] * 2
