"""What a search asks beyond nearness, as objects of a request or a call: recommend, group_by, diversity."""

from __future__ import annotations

from collections.abc import Mapping

from asteroid_cloud.api.service.checks import integer, real
from asteroid_cloud.api.service.ids import checked_ids
from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.query import Diversity, GroupBy, Recommend, field_path
from asteroid_cloud.query.limits import RECOMMEND_IDS_MAX
from asteroid_cloud.wal.errors import InvalidRequest


def checked_recommend(value: object, spec: IndexSpec | None) -> Recommend | None:
    """The examples; raises InvalidRequest ``bad_recommend``, ``bad_id``; TooLarge ``batch_too_large``."""
    if value is None:
        return None
    fields = _fields("recommend", value, needed={"positive"}, known={"positive", "negative"})
    negative = fields.get("negative")
    positive = checked_ids(fields["positive"], spec, RECOMMEND_IDS_MAX)
    return Recommend(positive, checked_ids([] if negative is None else negative, spec, RECOMMEND_IDS_MAX))


def checked_group_by(value: object) -> GroupBy | None:
    """The field to group by; raises InvalidRequest ``bad_group_by``."""
    if value is None:
        return None
    fields = _fields("group_by", value, needed={"field"}, known={"field", "size"})
    size = integer("group_by.size", fields.get("size", 1), code="bad_group_by")
    return GroupBy(field_path(fields["field"], "group_by.field", code="bad_group_by"), size)


def checked_diversity(value: object) -> Diversity | None:
    """How unlike hits are to be; raises InvalidRequest ``bad_diversity``."""
    if value is None:
        return None
    fields = _fields("diversity", value, needed=set(), known={"lambda", "candidates"})
    weight, candidates = fields.get("lambda", 0.5), fields.get("candidates")
    return Diversity(
        real("diversity.lambda", weight, code="bad_diversity"),
        None if candidates is None else integer("diversity.candidates", candidates, code="bad_diversity"),
    )


def _fields(name: str, value: object, *, needed: set[str], known: set[str]) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"{name} must be an object", code=f"bad_{name}")
    for field in needed - value.keys():
        raise InvalidRequest(f"{name} needs {field!r}", code=f"bad_{name}")
    for field in value.keys() - known:
        raise InvalidRequest(f"{name} has no field {field!r:.80}", code=f"bad_{name}")
    return value
