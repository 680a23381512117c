"""Numbers of a vector in a body are read as Python reads them, rounded to float32: every last bit."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from asteroid_cloud.api.wire.native import core

GENERATOR = random.Random(7)


def _read(texts: list[str], between: str = ",") -> list[bytes]:
    found = core.read_vector(f"[{between.join(texts)}]".encode())
    return [value.tobytes() for value in np.asarray(found, np.float32)]


def _expected(texts: list[str]) -> list[bytes]:
    with np.errstate(under="ignore"):
        return [np.float32(float(text)).tobytes() for text in texts]


def _between_floats() -> list[str]:
    """Points halfway between two float32, exactly and a little beside, with as many digits as fit."""
    texts = list[str]()
    for _ in range(3_000):
        low = np.float32(GENERATOR.uniform(-1, 1) * 10.0 ** GENERATOR.randrange(-3, 8))
        high = np.nextafter(low, np.float32(np.inf))
        middle = (float(low) + float(high)) / 2
        for value in (middle, np.nextafter(middle, np.inf), np.nextafter(middle, -np.inf)):
            texts += [
                f"{value:.19f}",
                f"{value:.22f}",
                repr(float(value)),
                f"{value:.{GENERATOR.randrange(8, 19)}g}",
            ]
    return texts


FAMILIES = {
    "usual": [repr(GENERATOR.gauss(0, 0.05)) for _ in range(20_000)],
    "float32 as double": [repr(float(np.float32(GENERATOR.gauss(0, 0.05)))) for _ in range(20_000)],
    "short": [f"{GENERATOR.gauss(0, 1):.{GENERATOR.randrange(9)}f}" for _ in range(20_000)],
    "many digits": [
        f"{GENERATOR.randrange(10 ** (n % 20 + 1))}.{GENERATOR.randrange(10 ** (n % 24 + 1))}"
        for n in range(20_000)
    ],
    "integers": [str(GENERATOR.randrange(-(10**n), 10**n)) for n in range(1, 25) for _ in range(200)],
    "zeros that lead": [
        "0." + "0" * n + str(GENERATOR.randrange(1, 10**19)) for n in range(30) for _ in range(100)
    ],
    "zeros": ["0", "-0", "0.0", "-0.0", "0.0000000000000000000000", "-0.00000000"],
    "powers": [f"{GENERATOR.uniform(-9, 9):.6g}e{n}" for n in range(-50, 37)],
    "halfway": _between_floats(),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_number_is_the_nearest(family: str) -> None:
    texts = FAMILIES[family]
    assert all(json.loads(text) == float(text) for text in texts[:100])
    assert _read(texts) == _expected(texts)


@pytest.mark.parametrize("between", [", ", "\n,\t", " , "])
def test_white_space_may_stand_around_numbers(between: str) -> None:
    texts = ["0.25", "-1", "3e2", "12345678.12345678"]
    assert _read(texts, between) == _expected(texts)


@pytest.mark.parametrize(
    "text",
    [
        "01",
        "-01",
        "00.5",
        ".5",
        "1.",
        "-",
        "+1",
        "1.e5",
        "1e",
        "1.5.5",
        "0x1",
        "1_0",
        "--1",
        "1.5-",
        "12345678x",
    ],
)
@pytest.mark.parametrize("place", ["[{}]", "[{},1]", "[1.5,{}]", "[{} ]"])
def test_what_is_no_number_of_json_is_refused(text: str, place: str) -> None:
    with pytest.raises(core.ReadError):
        core.read_vector(place.format(text).encode())


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_body_that_ends_within_a_number_is_refused(cut: int) -> None:
    with pytest.raises(core.ReadError):
        core.read_vector(b"[0.5,-12345678.87654321]"[:-cut])
