"""Power cuts: whatever a disk may have kept of a run, the store opens on it with all that was acknowledged.

``make crash`` opens half a million images, with other seeds.
"""

from __future__ import annotations

import logging

import pytest

from tests.promises.power.check import check, record
from tests.promises.power.images import Images, changed
from tests.promises.power.recording import Op

IMAGES_MIN = 20_000


@pytest.fixture(autouse=True)
def _silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.slow_first
def test_no_image_of_a_power_cut_loses_tears_or_invents_anything() -> None:
    figures = check(seed=2, steps=30, subsets=8)
    assert figures.images >= IMAGES_MIN
    for kind in ("write", "sync", "link", "rename", "unlink", "sync_dir"):
        assert figures.kinds[kind] > 20, f"the script has few operations of kind {kind}"


def test_a_seed_gives_the_same_run_every_time() -> None:
    assert record(3, 6)[1].ops == record(3, 6)[1].ops


def images_of(*ops: Op) -> set[tuple[tuple[str, bytes], ...]]:
    """All that may be left after the last of the operations."""
    images = Images(ops, {}, 0, 8)
    return {tuple(images.image(key).items()) for cut, key in images.all() if cut.at == len(ops)}


def test_what_was_not_synced_may_be_there_or_not() -> None:
    link, write = Op("link", "a/f", 1), Op("write", inode=1, data=b"xy")
    unsynced = images_of(link, write)
    assert {(), (("a/f", b""),), (("a/f", b"xy"),)} <= unsynced
    assert images_of(link, Op("sync_dir", "a"), write, Op("sync", inode=1)) == {(("a/f", b"xy"),)}
    assert images_of(link, write, Op("sync", inode=1)) == {(), (("a/f", b"xy"),)}
    renamed = images_of(link, Op("sync_dir", "a"), Op("rename", "a/f", 1, target="a/g"))
    assert renamed == {(("a/f", b""),), (("a/g", b""),)}


def test_the_last_write_may_be_torn() -> None:
    ops = Op("link", "a/f", 1), Op("sync_dir", "a"), Op("write", inode=1, data=bytes(range(1, 201)) * 6)
    contents = {dict(image)["a/f"] for image in images_of(*ops)}
    assert bytes(1200) in contents
    assert ops[-1].data[:512] in contents
    assert any(len(data) == 1200 and data != ops[-1].data and any(data) for data in contents)


def test_a_later_write_may_be_there_without_an_earlier_one() -> None:
    first, second = Op("write", inode=1, data=b"ab"), Op("write", inode=1, offset=2, data=b"cd")
    ops = Op("link", "a/f", 1), Op("sync_dir", "a"), first, second
    assert (("a/f", b"\0\0cd"),) in images_of(*ops)
    assert changed(b"abcd", first._replace(data=b"x")) == b"xbcd"
