"""What a power cut may leave of a store with several collections.

    python -m tests.promises.collections.images --images 100000 --seed 7

Records runs, and opens what a power cut at each operation of the disk may leave; stops at the first violation
with exit status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import time
from collections import Counter

from asteroid_cloud.wal.errors import AsteroidError
from tests.promises.collections.looking import goes_on, opened, repeatable_collections, seen_in
from tests.promises.collections.script import Call, Model, steps_of
from tests.promises.power.check import Figures, Opener, Violation, check_images
from tests.promises.power.recording import RecordingFiles
from tests.promises.power.script import Told, run
from tests.support.seeded_loop import run_seeded, threads_in_place


def record(seed: int, count: int) -> tuple[list[list[Call]], RecordingFiles]:
    """Runs the steps of a seed; raises Violation when a call fails."""
    steps, files = steps_of(seed, count), RecordingFiles()

    async def main() -> None:
        async with opened(files) as all_:
            await run(steps, all_, files.note)

    with repeatable_collections(seed):
        try:
            run_seeded(seed, main)
        except (AsteroidError, ExceptionGroup) as error:
            raise Violation(f"seed {seed}: the run itself failed: {error!r}") from error
    return steps, files


def check(seed: int, count: int = 40, subsets: int = 8) -> Figures:
    """Opens what any power cut may leave of the run of a seed; raises Violation."""
    started = time.monotonic()
    steps, files = record(seed, count)
    figures = Figures(len(files.ops), kinds=Counter(op.kind for op in files.ops))
    with threads_in_place():
        told, opener = Told(steps, Model()), Opener(seen_in, goes_on)
        asyncio.run(check_images(told, opener, files, seed, subsets, figures))
    figures.seconds = time.monotonic() - started
    return figures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.promises.collections.images", description=__doc__)
    parser.add_argument("--images", type=int, default=100_000, help="images to open at least")
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if arguments.seed is None else arguments.seed
    logging.disable(logging.CRITICAL)
    images = 0
    try:
        while images < arguments.images:
            figures = check(seed)
            sys.stdout.write(f"seed {seed}: {figures}\n")
            sys.stdout.flush()
            images, seed = images + figures.images, seed + 1
    except Violation as violation:
        sys.exit(f"VIOLATION: {violation}")


if __name__ == "__main__":
    main()
