"""An index of integers with vectors has the bytes that it had; older programs refuse any other."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.checkpoint import manifest as manifests
from asteroid_cloud.indexer.checkpoint.manifest import features_of
from asteroid_cloud.indexer.model.spec import IndexSpec, checked_spec
from asteroid_cloud.wal.errors import InvalidRequest, UnsupportedVersion
from asteroid_cloud.wal.format import log_file

pytestmark = pytest.mark.anyio


def image(path: Path) -> dict[str, bytes]:
    """Every file of a store but its lock."""
    found = (file for file in path.rglob("*") if file.is_file() and file.name != "LOCK")
    return {str(file.relative_to(path)): file.read_bytes() for file in found}


async def made(path: Path, ids: str, vector: str) -> IndexSpec:
    """A store with an index of that kind, its checkpoint durable; its spec after a restart."""
    async with Engine.open(str(path)) as engine:
        await engine.ready()
        await engine.create_index(3, "l2", ids=ids, vector=vector)
        await engine.flush()
    async with Engine.open(str(path)) as engine:
        await engine.ready()
        assert engine.spec is not None
        return engine.spec


def test_the_spec_of_an_index_of_integers_is_written_as_before() -> None:
    spec = checked_spec(3, "L2")
    plain = {"dim": 3, "metric": "l2", "bits": 16, "outliers": 1}
    assert msgspec.msgpack.encode(spec) == msgspec.msgpack.encode(plain)
    assert features_of(spec) == ["outliers"]
    assert IndexSpec.of(spec.creation) == spec


def test_the_spec_of_another_kind_says_so() -> None:
    spec = checked_spec(3, "cosine", ids="string", vector="optional")
    assert (spec.has_string_ids, spec.needs_vectors) == (True, False)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(spec), type=IndexSpec) == spec
    assert features_of(spec) == ["string_ids", "optional_vectors"]
    assert IndexSpec.of(spec.creation) == spec


@pytest.mark.parametrize(
    ("ids", "vector", "code"),
    [("text", "required", "bad_ids"), ("String", "required", "bad_ids"), ("string", "maybe", "bad_vector")],
)
def test_other_kinds_are_refused(ids: str, vector: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        checked_spec(3, "l2", ids=ids, vector=vector)
    assert refused.value.code == code


@pytest.mark.parametrize(("ids", "vector"), [("string", "required"), ("integer", "optional")])
@pytest.mark.parametrize("part", ["manifest", "log"])
async def test_a_program_that_does_not_know_the_kind_refuses_the_store_and_changes_nothing(
    tmp_path: Path, ids: str, vector: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await made(tmp_path, ids, vector) == checked_spec(3, "l2", ids=ids, vector=vector)
    before = image(tmp_path)
    if part == "manifest":
        monkeypatch.setattr(manifests, "FEATURES_KNOWN", frozenset({"outliers"}))
    else:
        monkeypatch.setattr(log_file, "FLAGS", 0)
    with pytest.raises(UnsupportedVersion):
        async with Engine.open(str(tmp_path), EngineOptions()) as engine:
            await engine.ready()
    assert image(tmp_path) == before
