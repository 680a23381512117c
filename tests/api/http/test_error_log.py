"""What is wrong with the disk is for the operator: logged in full, told to clients in general."""

from __future__ import annotations

import logging

import pytest

from asteroid_cloud.api.http.errors import answer_to
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError, InvalidRequest, NoSpace, Poisoned


def test_damage_is_logged_in_full_and_told_in_general(caplog: pytest.LogCaptureFixture) -> None:
    answer = answer_to(CorruptionError("/srv/data/wal/7.wal", 42, "bad checksum"))
    assert (answer.status, b"/srv" in answer.body) == (500, False)
    assert "/srv/data/wal/7.wal, byte 42: bad checksum" in caplog.text


@pytest.mark.parametrize("error", [NoSpace("the disk is full"), Poisoned("an fsync failed")])
def test_a_disk_that_fails_is_logged(error: AsteroidError, caplog: pytest.LogCaptureFixture) -> None:
    answer_to(error)
    assert [(record.levelno, error.message in record.message) for record in caplog.records] == [
        (logging.ERROR, True)
    ]


def test_a_callers_mistake_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer_to(InvalidRequest("no such field"))
    assert caplog.records == []
