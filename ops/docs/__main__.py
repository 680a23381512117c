"""``python -m ops.docs``: writes the generated pages, or with ``--check`` only compares them."""

from __future__ import annotations

import argparse
import sys

from ops.docs.pages import stale_pages, write_pages


def main() -> None:
    """Writes the pages that differ from the code, and prints their names."""
    parser = argparse.ArgumentParser(prog="make docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when a page is stale")
    if parser.parse_args().check:
        stale = stale_pages()
        print("\n".join(stale))
        sys.exit(1 if stale else 0)
    print("\n".join(write_pages()))


if __name__ == "__main__":
    main()
