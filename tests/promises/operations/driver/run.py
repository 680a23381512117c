"""Histories of operations, more than in the tests.

    python -m tests.promises.operations.driver.run --histories 2000 --seed 7

Each history uses the next seed. It stops at the first violation with exit status 1; the message has the steps
that lead to it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter

from tests.promises.operations.driver.runner import Violation
from tests.promises.operations.driver.scenarios import history


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.promises.operations.driver.run", description=__doc__
    )
    parser.add_argument("--histories", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if arguments.seed is None else arguments.seed
    began_s, kinds = time.monotonic(), Counter[str]()
    try:
        for number in range(arguments.histories):
            kinds.update(type(step).__name__ for step in history(seed + number))
    except Violation as violation:
        sys.stdout.write(f"VIOLATION: {violation}\n")
        sys.exit(1)
    steps = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    sys.stdout.write(f"{arguments.histories} histories from seed {seed} on, {kinds.total()} steps: {steps}; ")
    sys.stdout.write(f"{time.monotonic() - began_s:.0f} s: nothing lost, nothing told wrong\n")


if __name__ == "__main__":
    main()
