"""The table of routes says of each what the server does with it, and what each is."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from asteroid_cloud.api.http.settings import PUBLIC
from asteroid_cloud.api.limits import BODY_BYTES_MAX
from asteroid_cloud.api.openapi.operations import OPERATIONS
from asteroid_cloud.api.openapi.swagger_page import PAGE_ROUTES
from asteroid_cloud.api.routes.table import ROUTES

ROOT = Path(__file__).resolve().parents[3]


def test_every_route_has_a_place_a_handler_and_an_operation_of_its_own() -> None:
    for key in ("operation", "handler"):
        assert max(Counter(getattr(route, key) for route in ROUTES).values()) == 1
    places = [(route.method, route.path) for route in (*ROUTES, *PAGE_ROUTES)]
    assert len(places) == len(set(places))
    assert {route.operation for route in ROUTES} == OPERATIONS.keys()


def test_what_only_looks_is_read_and_what_reads_by_a_body_is_a_post() -> None:
    for route in ROUTES:
        if route.method in ("PUT", "PATCH", "DELETE"):
            assert route.scope in ("write", "admin"), route
        if route.method == "GET":
            assert route.scope in ("open", "read", "admin"), route


def test_a_path_with_a_parameter_has_the_usual_limit() -> None:
    with_parameter = [route for route in ROUTES if re.search(r"\{\w+\}", route.path)]
    assert with_parameter
    assert {route.body_bytes_max for route in with_parameter} == {BODY_BYTES_MAX}


def test_the_setting_public_opens_each_of_its_names() -> None:
    named = {route.public_name for route in (*ROUTES, *PAGE_ROUTES)} - {""}
    assert named == set(PUBLIC)


def test_no_other_file_of_the_server_spells_the_path_of_a_route() -> None:
    spelled = re.compile(r"\"(" + "|".join(re.escape(route.path) for route in ROUTES) + r")\"")
    found = [
        f"{path}: {hit}"
        for path in (ROOT / "api").rglob("*.py")
        if path.name != "table.py"
        for hit in spelled.findall(path.read_text())
    ]
    assert found == []
