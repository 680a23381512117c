"""The checks of power cuts and failing disks, longer than in the tests.

    python -m tests.promises.power.run --images 500000 --seed 7

Each round uses the next seed. It records a run of the engine and opens the images that a power cut may
leave. Then it repeats a run with each operation failing in turn, and again with its tasks in many orders. It
stops at the first violation with exit status 1. The seed in its message reproduces the violation.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections import Counter
from itertools import count

from tests.promises.power.check import Violation, check
from tests.promises.power.failing import fail_at
from tests.promises.power.schedules import run_schedule
from tests.support.faulty_files import Fault

FAULTS: list[tuple[Fault, tuple[str, ...], bool]] = [
    (Fault.IO_ERROR, ("sync", "sync_dir"), False),
    (Fault.IO_ERROR, ("sync", "sync_dir"), True),
    (Fault.IO_ERROR, (), False),
    (Fault.NO_SPACE, ("create", "write"), False),
    (Fault.SHORT_NO_SPACE, ("create", "write"), False),
    (Fault.SHORT_NO_SPACE, ("create", "write"), True),
    (Fault.SHORT_IO_ERROR, ("write",), False),
]


def fail_everywhere(seed: int) -> Counter[str]:
    """Fails each operation of a run, in each way; how many failures of each kind there were."""
    failures: Counter[str] = Counter()
    for fault, kinds, for_ever in FAULTS:
        for number in count(1):
            if not fail_at(number, fault, *kinds, for_ever=for_ever, seed=seed):
                break
            failures[f"{fault.name} {'from then on' if for_ever else 'once'}"] += 1
    return failures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.promises.power.run", description=__doc__)
    parser.add_argument("--images", type=int, default=500_000, help="images to open at least")
    parser.add_argument("--subsets", type=int, default=32, help="random subsets after each operation")
    parser.add_argument("--schedules", type=int, default=5000, help="orders of tasks to run through")
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if arguments.seed is None else arguments.seed
    logging.disable(logging.CRITICAL)
    started, images, opened, failures = time.monotonic(), 0, 0, Counter[str]()
    try:
        while images < arguments.images:
            figures = check(seed, subsets=arguments.subsets)
            sys.stdout.write(f"seed {seed}: {figures}\n")
            sys.stdout.flush()
            images, opened, seed = images + figures.images, opened + figures.opened, seed + 1
        failures = fail_everywhere(seed)
        for number in range(arguments.schedules):
            run_schedule(seed + number)
    except Violation as violation:
        sys.stdout.write(f"VIOLATION: {violation}\n")
        sys.exit(1)
    kinds = ", ".join(f"{number} × {kind}" for kind, number in sorted(failures.items()))
    sys.stdout.write(f"{images} images, {opened} of them different; operations that failed: {kinds}; ")
    sys.stdout.write(f"{arguments.schedules} schedules; ")
    sys.stdout.write(f"{time.monotonic() - started:.0f} s, no violation\n")


if __name__ == "__main__":
    main()
