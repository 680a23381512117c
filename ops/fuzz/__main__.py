"""Opens damaged segment files in a separate process, so that a crash is a finding too.

    python -m ops.fuzz --cases 10000

Ends with exit status 1 if a case crashed, hung or failed; ``--first N --cases 1`` runs one again.
"""

from __future__ import annotations

import argparse
import faulthandler
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

from ops.fuzz.cases import Cases

HANG_S = 60
FINDINGS_MAX = 20


def work(first: int, cases: int) -> None:
    """The process that may crash: it prints a line before each case and one after it."""
    with tempfile.TemporaryDirectory() as folder:
        runner = Cases(Path(folder))
        for number in range(first, first + cases):
            print(f"{number}", flush=True)
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            try:
                outcome = runner.run(number)
            except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
                traceback.print_exc()
                outcome = f"FAILED with {type(error).__name__}: {str(error)[:200]!r}"
            print(outcome, flush=True)
        faulthandler.cancel_dump_traceback_later()


def watch(first: int, cases: int) -> bool:
    """Runs all cases, in a new process after each that ended early; False if there is a finding."""
    outcomes: Counter[str] = Counter()
    findings: list[str] = []
    end = first + cases
    while first < end and len(findings) < FINDINGS_MAX:
        command = [
            sys.executable,
            "-m",
            "ops.fuzz",
            "--work",
            "--first",
            str(first),
            "--cases",
            str(end - first),
        ]
        number = None
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if number is None:
                    number = int(line)
                    continue
                outcome = line.rstrip()
                if outcome.startswith("FAILED"):
                    findings.append(f"case {number}: {outcome}")
                else:
                    outcomes[outcome] += 1
                first, number = number + 1, None
        if process.returncode or number is not None:
            findings.append(f"case {first}: the process ended with status {process.returncode}")
            first += 1
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:8,}  {outcome}")
    print("\n".join(findings) or "no finding")
    return not findings and first == end


def main() -> None:
    """Parses the command line and runs."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.fuzz", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--first", type=int, default=0, help="the first case")
    parser.add_argument("--cases", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.first, given.cases)
    elif not watch(given.first, given.cases):
        sys.exit(1)


if __name__ == "__main__":
    main()
