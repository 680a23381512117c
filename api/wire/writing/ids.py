"""Ids in bodies that are read item by item."""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud.api.service.ids import checked_id
from asteroid_cloud.indexer import Id, Ids, IndexSpec


def id_of(spec: IndexSpec, value: object) -> Id:
    """One id of the index's kind; raises InvalidRequest ``bad_id``."""
    return checked_id(value, spec)


def ids_of(spec: IndexSpec, ids: Sequence[Id]) -> Ids:
    """Checked ids, as an array."""
    return spec.ids.of(ids)
