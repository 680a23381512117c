"""The lists that reference pages are made from are whole, and each entry says what it means."""

from __future__ import annotations

import pytest

from asteroid_cloud.api import limits
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.reference import list_errors, list_limits, list_settings
from asteroid_cloud.api.reference.limits import LIMITS, UNIT_NAMES
from asteroid_cloud.api.wire.error_codes import ERROR_CODES, LOCAL_CODES


def test_every_setting_is_listed_with_its_meaning() -> None:
    found = {each.name: each for each in list_settings()}
    assert list(found) == list(Settings.__struct_fields__)
    assert [name for name, each in found.items() if not each.meaning.endswith(".")] == []
    budget = found["memory_budget"]
    assert (budget.flag, budget.variable) == ("--memory-budget", "ASTEROID_MEMORY_BUDGET")
    assert (budget.metavar, budget.default, budget.unit) == ("SIZE", "256MiB", "bytes")
    assert (found["metric"].choices, found["metric"].metavar) == (["cosine", "ip", "l2"], "")
    assert (found["keep_log"].is_switch, found["keep_log"].default) == (True, "")
    assert (found["port"].is_switch, found["port"].metavar) == (False, "INTEGER")
    assert (found["rate_limit"].metavar, found["host"].metavar) == ("NUMBER", "TEXT")


@pytest.mark.parametrize("layer", LIMITS)
def test_every_limit_of_a_layer_is_listed_with_its_meaning(layer: str) -> None:
    own = [each for each in list_limits() if each.layer == layer]
    declared = [name for name in vars(LIMITS[layer]) if name.isupper() and name not in UNIT_NAMES]
    assert [each.name for each in own] == declared
    assert [each.name for each in own if not each.meaning.endswith(".")] == []


def test_a_limit_has_its_value_and_unit() -> None:
    found = {each.name: each for each in list_limits()}
    assert len(found) == len(list_limits())
    assert found["BODY_BYTES_MAX"].value == limits.BODY_BYTES_MAX
    units = {name: found[name].unit for name in ("BODY_BYTES_MAX", "HEADERS_S_MAX", "K_MAX")}
    assert units == {"BODY_BYTES_MAX": "bytes", "HEADERS_S_MAX": "seconds", "K_MAX": ""}
    assert found["BODY_BYTES_PER_S_MIN"].unit == "bytes a second"
    assert (found["DIM_MAX"].unit, found["SEARCHES_MAX"].unit) == ("", "")


def test_every_error_code_is_listed() -> None:
    found = list_errors()
    assert [each.code for each in found] == [*ERROR_CODES, *LOCAL_CODES]
    assert [each.code for each in found if each.status is None] == list(LOCAL_CODES)
    assert next(each.status for each in found if each.code == "no_space") == 507
