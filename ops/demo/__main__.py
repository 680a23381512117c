"""Starts a server on loopback, loads 2,000 real texts through the client, searches, and keeps serving."""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from asteroid_cloud.client import Client, Hit
from ops import sample
from ops.server import Server

FOLDER = Path(".demo/store")
FILTERED: dict[str, object] = {"$and": [{"pos": "n"}, {"lexname": {"$ne": "noun.animal"}}]}

console = Console()


def load(client: Client) -> None:
    """Creates the index and uploads the sample."""
    vectors, payloads = sample.vectors(), sample.payloads()
    client.create_index(sample.DIM, "cosine")
    began_s = time.perf_counter()
    count = client.insert_batch(
        (number, vector, payload)
        for number, (vector, payload) in enumerate(zip(vectors, payloads, strict=True))
    )
    took_s = time.perf_counter() - began_s
    console.print(f"Inserted {count:,} vectors with payloads, durably, in {took_s:.2f} s.\n")


def show(title: str, hits: list[Hit]) -> None:
    """Prints hits as a table."""
    table = Table(title=title, title_justify="left", title_style="bold", expand=True)
    table.add_column("distance", justify="right", no_wrap=True, min_width=8)
    table.add_column("words", overflow="ellipsis", no_wrap=True, ratio=2)
    table.add_column("part", overflow="ellipsis", no_wrap=True, ratio=2)
    table.add_column("gloss", overflow="ellipsis", no_wrap=True, ratio=5)
    for hit in hits:
        payload = hit.payload or {}
        lemmas = payload.get("lemmas")
        words = ", ".join(map(str, lemmas[:3])) if isinstance(lemmas, list) else ""
        table.add_row(f"{hit.distance:.4f}", words, str(payload.get("lexname")), str(payload.get("gloss")))
    console.print(table, "\n")


def search(client: Client) -> None:
    """Two plain searches and a filtered one."""
    asked = sample.queries()
    for query, vector in asked[:2]:
        show(f"Nearest to “{query.text}”", client.search(vector, k=5, include=["payload"]))
    query, vector = asked[0]
    hits = client.search(vector, k=5, filter=FILTERED, include=["payload"])
    show(f"The same query as the first, only nouns that are not animals: filter={FILTERED}", hits)


def main() -> None:
    """Runs the demo; Ctrl-C ends it."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop the server after the searches")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one (default 8000)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where its data goes; emptied first")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    shutil.rmtree(folder, ignore_errors=True)
    with Server(folder, port=arguments.port) as server, Client(base_url=server.url) as client:
        console.print(f"\nAn Asteroid server is up at [bold]{server.url}[/] with its data in {folder}.")
        load(client)
        search(client)
        if arguments.once:
            return
        console.print(f"The server keeps running: try [bold]{server.url}/docs[/]. Ctrl-C stops it.")
        try:
            server.wait()
        except KeyboardInterrupt:
            console.print("Stopping.")


if __name__ == "__main__":
    main()
