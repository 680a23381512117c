"""A small real sample: 2,000 WordNet glosses with embeddings and payloads, and eight queries."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

HERE = Path(__file__).parent
DIM = 384


class SampleQuery(msgspec.Struct, frozen=True):
    """A text that is not in the sample, and its part of the lexicon."""

    text: str
    lexname: str


def _unit(name: str) -> NDArray[np.float32]:
    vectors = np.load(HERE / name).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def vectors() -> NDArray[np.float32]:
    """The sample's embeddings, float32 [2000, 384], of length 1."""
    return _unit("vectors.npy")


def payloads() -> list[dict[str, object]]:
    """Their payloads: synset, pos, lexname, lemmas, gloss, r."""
    packed = (HERE / "payloads.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor().decompress(packed).splitlines()
    return [msgspec.json.decode(line, type=dict[str, object]) for line in lines]


def queries() -> list[tuple[SampleQuery, NDArray[np.float32]]]:
    """Ready queries: their text, and its embedding."""
    lines = (HERE / "queries.jsonl").read_bytes().splitlines()
    texts = [msgspec.json.decode(line, type=SampleQuery) for line in lines]
    return list(zip(texts, _unit("queries.npy"), strict=True))
