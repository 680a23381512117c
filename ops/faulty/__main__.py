"""Sends random calls of every kind through a faulty proxy and holds them against a model.

    python -m ops.faulty --calls 10000

Ends with exit status 1 when a call was done twice, or was not told as it was.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from ops.faulty.driver import Wrong
from ops.faulty.run import Result, run
from ops.server import Server


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.faulty", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--calls", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same calls and faults")
    given = parser.parse_args()
    began_s = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder) / "store", "--keep-log", "--backup-dir", str(Path(folder) / "backups")) as server,
    ):
        try:
            found: Result = asyncio.run(run(server.url, given.calls, given.seed))
        except Wrong as wrong:
            sys.exit(f"WRONG: {wrong}")
    for counts in (found.faults, found.outcomes):
        print("\n".join(f"{count:8,}  {what}" for what, count in sorted(counts.items())), end="\n\n")
    took_s = time.monotonic() - began_s
    print(f"{given.calls:,} calls in {took_s:.0f} s, {found.requests:,} requests: no finding")


if __name__ == "__main__":
    main()
