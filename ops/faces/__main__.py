"""The command: write the modules that are not current, or with ``--check`` only name them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ops.faces.modules import MODULES, Module

ROOT = Path(__file__).resolve().parents[2]


def is_current(module: Module) -> bool:
    """Whether the module on the disk is what its source says."""
    path = ROOT / module.target
    return path.exists() and path.read_text() == module.text(ROOT)


def main() -> int:
    """Writes or checks; 1 when ``--check`` found a module that is not current."""
    parser = argparse.ArgumentParser(prog="python -m ops.faces", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a module is stale")
    is_check = parser.parse_args().check
    stale = [module for module in MODULES if not is_current(module)]
    for module in stale:
        if is_check:
            print(f"{module.target} is not what ops/faces writes from {module.source}", file=sys.stderr)
        else:
            (ROOT / module.target).write_text(module.text(ROOT))
            print(module.target)
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
