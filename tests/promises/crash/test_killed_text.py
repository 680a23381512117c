"""kill -9 while stored payloads are indexed as text: the index is whole afterwards, or said to be built."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from asteroid_cloud.api import open_blocking
from asteroid_cloud.wal.errors import Overloaded

ROWS, BATCH, KILLS = 12_000, 2_000, 8
WORDS = ["run", "running", "dog", "dogs", "catastrophe", "日本語", "straße", "naïve", "bird", "of"]
ID = "{}/ä"


def text_of(number: int) -> str:
    return " ".join(random.Random(number).choices(WORDS, k=12))


def fill(folder: Path) -> None:
    """Rows in segments, with ids that are strings, of which some were deleted."""
    with open_blocking(str(folder)) as store:
        store.create_index(4, ids="string")
        for first in range(0, ROWS, BATCH):
            numbers = range(first, first + BATCH)
            store.insert_batch([(ID.format(n), [n, 0.0, 0.0, 0.0], {"gloss": text_of(n)}) for n in numbers])
            store.flush()
        store.delete_many([ID.format(n) for n in range(0, ROWS, 7)])


def answers(folder: Path) -> list[list[tuple[int | str, float | None]]]:
    """What each word finds once all is indexed; until then a search says that it is not."""
    with open_blocking(str(folder)) as store:
        found, until_s = [], time.monotonic() + 60
        for word in WORDS:
            while True:
                try:
                    hits = store.search(text=word, k=50)
                    break
                except Overloaded as error:
                    if error.code != "text_building" or time.monotonic() > until_s:
                        raise
                    time.sleep(error.retry_after_s or 0.05)
            found.append([(hit.id, hit.score) for hit in hits])
        return found


def define_and_kill(folder: Path, language: str, after_s: float) -> None:
    module = "tests.promises.crash.indexing_text"
    command = [sys.executable, "-m", module, str(folder), language]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert [child.stdout.readline(), child.stdout.readline()] == [b"open\n", b"defined\n"]
        time.sleep(after_s)
        child.kill()


def test_a_build_that_is_killed_goes_on_and_is_never_half_there(tmp_path: Path) -> None:
    choose, folder, told = random.Random(1), tmp_path / "store", {}
    fill(folder)
    for number in range(KILLS):
        language = ["english", "german"][number % 2]  # another definition: all of it is indexed again
        define_and_kill(folder, language, choose.uniform(0.0, 0.3))
        with open_blocking(str(folder)) as store:
            assert store.get_text().fields == {"gloss": {"language": language}}
        found = answers(folder)
        assert all(len(hits) == 50 for hits in found)
        assert told.setdefault(language, found) == found
    assert told["english"] != told["german"]
