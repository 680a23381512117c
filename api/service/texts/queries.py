"""Which words to look for, and how their order and the vector's become one: as callers say it."""

from __future__ import annotations

from asteroid_cloud.api.service.checks import checked_flag, real
from asteroid_cloud.api.service.texts.given import checked_object
from asteroid_cloud.query import Fusion, TextQuery, field_path
from asteroid_cloud.query.limits import FIELDS_MAX
from asteroid_cloud.wal.errors import InvalidRequest

TEXT_FIELDS = frozenset({"query", "fields", "operator", "phrase"})
FUSION_FIELDS = frozenset({"method", "k", "weights"})


def asked_query(value: object) -> TextQuery:
    """The words that somebody looks for; raises InvalidRequest ``bad_text``."""
    given = {"query": value} if isinstance(value, str) else value
    text = checked_object(given, "text", TEXT_FIELDS, "bad_text")
    query, operator, fields = text.get("query"), text.get("operator", "or"), text.get("fields")
    if not isinstance(query, str):
        raise InvalidRequest("text.query must be a text", code="bad_text")
    try:
        query.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest("text.query is not valid Unicode", code="bad_text") from error
    if operator not in ("or", "and"):
        raise InvalidRequest('text.operator must be "or" or "and"', code="bad_text")
    if not isinstance(text.get("phrase", False), bool):
        raise InvalidRequest("text.phrase must be true or false", code="bad_text")
    chosen = None
    if fields is not None:
        if not isinstance(fields, list | tuple) or len(fields) > FIELDS_MAX:
            raise InvalidRequest(f"text.fields must be a list of at most {FIELDS_MAX} paths", code="bad_text")
        chosen = tuple(field_path(each, "text.fields", code="bad_text") for each in fields)
    return TextQuery(
        query=query,
        fields=chosen,
        needs_all=operator == "and",
        is_phrase=checked_flag("phrase", text.get("phrase", False)),
    )


def asked_fusion(value: object) -> Fusion:
    """How somebody wants two orders to become one; raises InvalidRequest ``bad_fusion``."""
    fusion = checked_object(value, "fusion", FUSION_FIELDS, "bad_fusion")
    if fusion.get("method", "rrf") != "rrf":
        raise InvalidRequest('fusion.method must be "rrf"', code="bad_fusion")
    weights = fusion.get("weights", [1, 1])
    if not isinstance(weights, list | tuple) or len(weights) != 2:
        raise InvalidRequest(
            "fusion.weights must be two numbers: the vector's, the text's", code="bad_fusion"
        )
    vector, text = (real("fusion.weights", each, code="bad_fusion") for each in weights)
    return Fusion(k=real("fusion.k", fusion.get("k", 60), code="bad_fusion"), weights=(vector, text))
