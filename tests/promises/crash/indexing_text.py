"""A process that defines a text index over what is stored, and says so; it is killed at any moment."""

from __future__ import annotations

import sys
import time

from asteroid_cloud.api import open_blocking


def main(folder: str, language: str) -> None:
    """Defines the index, says that it is durable, and stays until it is killed."""
    with open_blocking(folder) as store:
        print("open", flush=True)
        store.set_text({"gloss": {"language": language}})
        print("defined", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
