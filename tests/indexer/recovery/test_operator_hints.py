"""Each failure of an opening says what its operator may do, and names files without their folders."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer.model.data_loss import RecoveryMode
from asteroid_cloud.indexer.recovery.operator_hints import BY_CODE, BY_MODE, with_advice
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError, LogPruned, NoSpace, StorageError


@pytest.mark.parametrize("mode", BY_MODE)
def test_damage_gets_the_advice_of_the_mode_and_its_place(mode: RecoveryMode) -> None:
    details = with_advice(CorruptionError("/secret/place/wal/1.wal", 7, "torn"), mode)
    assert details["advice"] == BY_MODE[mode]
    assert (details["file"], details["offset"], details["reason"]) == ("1.wal", 7, "torn")
    assert "secret" not in str(details)


@pytest.mark.parametrize("error", [NoSpace("full"), LogPruned("gone"), StorageError("x", code="degraded")])
def test_other_failures_get_the_advice_of_their_code(error: AsteroidError) -> None:
    assert with_advice(error, "tail")["advice"] == BY_CODE[error.code]


def test_details_stay_and_no_advice_is_made_up() -> None:
    assert with_advice(StorageError("x", rows_lost=3), "tail") == {"rows_lost": 3}
