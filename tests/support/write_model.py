"""What writes with conditions do, written a second time and as plainly as possible, to compare with.

It goes through items one after the other on plain dicts, on a copy that counts only when no item refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = tuple[tuple[float, ...], dict[str, Any]]
"""A vector and a payload."""
Rows = dict[int, Row]


class Refused(Exception):
    """Nothing is written, because of one item."""

    def __init__(self, code: str, index: int, where: str = "") -> None:
        super().__init__(code, index, where)
        self.code, self.index, self.where = code, index, where


class WriteModel:
    """What is stored, and when each id changed last."""

    def __init__(self, created: int = 0) -> None:
        """``created`` is the record that made the index, which changed every id."""
        self.created = created
        self.rows: Rows = {}
        self.changed: dict[int, int] = {}

    def batch(self, items: Sequence[Mapping[str, Any]], on_existing: str = "replace") -> dict[str, int]:
        """The counts that a batch is answered with; raises Refused."""
        return self.write(upserts=items, on_existing=on_existing)

    def write(
        self,
        matched: Sequence[int] = (),
        deletes: Sequence[int] = (),
        upserts: Sequence[Mapping[str, Any]] = (),
        patches: Sequence[Mapping[str, Any]] = (),
        sets: Sequence[Mapping[str, Any]] = (),
        on_existing: str = "replace",
    ) -> dict[str, int]:
        """The counts of a write of all that, in this order; raises Refused."""
        rows, touched = dict(self.rows), set[int]()
        counts = dict.fromkeys(("deleted", "inserted", "replaced", "skipped", "patched", "set"), 0)
        for id in {*matched, *deletes}:
            if id in rows:
                del rows[id]
                touched.add(id)
                counts["deleted"] += 1
        for index, item in enumerate(upserts):
            self._upsert(rows, touched, counts, index, {"on_existing": on_existing} | dict(item))
        for where, word, changes in (("patches", "patched", patches), ("sets", "set", sets)):
            for index, item in enumerate(changes):
                if item["id"] not in rows:
                    raise Refused("not_found", index, where)
                vector, payload = rows[item["id"]]
                change: Callable[..., dict[str, Any]] = merged if where == "patches" else laid_over
                rows[item["id"]] = vector, change(payload, item)
                touched.add(item["id"])
                counts[word] += 1
        self.rows, self._touched = rows, touched
        return counts

    def logged(self, lsn: int) -> None:
        """The newest write was record ``lsn``."""
        self.changed |= dict.fromkeys(self._touched, lsn)

    def _upsert(
        self, rows: Rows, touched: set[int], counts: dict[str, int], index: int, item: Mapping[str, Any]
    ) -> None:
        id, match = item["id"], item.get("if_match")
        if match == "*" and id not in rows:
            raise Refused("precondition_failed", index, "upserts")
        if isinstance(match, int) and (id in touched or self.changed.get(id, self.created) > match):
            raise Refused("precondition_failed", index, "upserts")
        if id in rows:
            if item["on_existing"] == "fail":
                raise Refused("id_exists", index, "upserts")
            if item["on_existing"] == "skip":
                counts["skipped"] += 1
                return
            counts["replaced"] += 1
        old = rows[id][1] if id in rows else {}
        given = item.get("metadata")
        rows[id] = tuple(item["vector"]), old if given is None else given
        touched.add(id)
        counts["inserted"] += 1


def merged(payload: dict[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7396."""

    def merge(target: Any, patch: Any) -> Any:
        if not isinstance(patch, dict):
            return patch
        result = dict(target) if isinstance(target, dict) else {}
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merge(result.get(key), value)
        return result

    return dict(merge(payload, item["patch"]))


def laid_over(payload: dict[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """The payload without the paths of ``unset``, then with the keys of ``set``; paths are lists of keys."""

    def without(target: Any, path: Sequence[str]) -> Any:
        if not isinstance(target, dict) or path[0] not in target:
            return target
        rest = {key: value for key, value in target.items() if key != path[0]}
        return rest if len(path) == 1 else {**target, path[0]: without(target[path[0]], path[1:])}

    for path in item.get("unset", ()):
        payload = without(payload, path)
    return {**payload, **item.get("set", {})}
