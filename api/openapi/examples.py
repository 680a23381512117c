"""Bodies to try each call with: for an index of four dimensions, and in this order, all are accepted."""

from __future__ import annotations

from typing import Any

_VECTOR = [0.1, 0.2, 0.3, 0.4]
_REPORT = {"title": "Annual report", "year": 2026, "lang": "en", "tags": ["finance", "public"]}

EXAMPLES: dict[str, dict[str, Any]] = {
    "create_index": {
        "Euclidean distance": {"dim": 4},
        "Cosine distance": {"dim": 4, "metric": "cosine"},
        "Inner product": {"dim": 4, "metric": "ip"},
        "Half the disk": {"dim": 4, "bits": 8},
    },
    "create_collection": {
        "Cosine distance": {"dim": 4, "metric": "cosine"},
    },
    "set_alias": {"Where it leads": {"collection": "default"}},
    "set_text": {
        "English titles, and other texts": {"fields": {"title": {"language": "english"}, "lang": {}}},
    },
    "flush": {"Within ten seconds": {"timeout_s": 10}},
    "insert": {
        "With a payload": {"id": 1, "vector": _VECTOR, "metadata": _REPORT},
        "Only where there is none": {"id": 1, "vector": _VECTOR, "on_existing": "skip"},
        "The largest id, as text": {"id": "18446744073709551615", "vector": [0.4, 0.3, 0.2, 0.1]},
    },
    "upsert": {
        "The payload stays": {"vector": _VECTOR},
        "The payload is replaced": {"vector": _VECTOR, "metadata": _REPORT},
        "The payload is cleared": {"vector": _VECTOR, "metadata": {}},
    },
    "set_payload": {"Nulls are kept": {**_REPORT, "reviewer": None}},
    "merge_payload": {
        "Set one, delete one": {"year": 2027, "reviewer": None},
    },
    "insert_batch": {
        "Two": {
            "items": [
                {"id": 2, "vector": [0.2, 0.2, 0.3, 0.4], "metadata": {"year": 2024, "lang": "de"}},
                {"id": 3, "vector": [0.9, 0.1, 0.0, 0.0]},
            ]
        },
        "Only what is new, and one that must exist": {
            "items": [
                {"id": 2, "vector": _VECTOR},
                {"id": 3, "vector": _VECTOR, "on_existing": "replace", "if_match": "*"},
            ],
            "on_existing": "skip",
        },
    },
    "fetch": {
        "Payloads and vectors": {"ids": [1, "2", 3], "include": ["payload", "vector"]},
    },
    "scroll": {
        "The first page": {"limit": 100, "include": ["payload"]},
        "Only what matches": {"filter": {"year": {"$gte": 2024}}},
        "The newest first": {"order_by": {"field": "year", "direction": "desc"}, "limit": 10},
    },
    "search": {
        "The three nearest": {"vector": _VECTOR, "k": 3},
        "With a filter, and payloads": {
            "vector": _VECTOR,
            "k": 10,
            "filter": {
                "year": {"$gte": 2024},
                "$or": [{"lang": "en"}, {"tags": {"$contains_any": ["public"]}}],
            },
            "include": ["payload"],
        },
        "More like this one": {"id": 1, "k": 3},
        "Two groups of one hit": {"vector": _VECTOR, "k": 2, "group_by": {"field": "lang", "size": 1}},
        "Hits that are unlike each other": {"vector": _VECTOR, "k": 2, "diversity": {"lambda": 0.5}},
        "More like these, less like those": {"recommend": {"positive": [1, 2], "negative": [3]}, "k": 2},
        "By words": {"text": {"query": "annual reports", "operator": "and"}, "k": 3},
        "By a vector and by words": {"vector": _VECTOR, "text": "report", "fusion": {"weights": [1, 2]}},
        "Exact, within a distance, explained": {
            "vector": _VECTOR,
            "exact": True,
            "max_distance": 0.5,
            "explain": True,
        },
    },
    "search_batch": {
        "Two": {"searches": [{"vector": _VECTOR, "k": 1}, {"id": 1, "k": 2, "filter": {"lang": "de"}}]},
    },
    "recall": {
        "As searches are by default": {},
        "Of a filter, with more effort": {"num": 50, "k": 5, "ef_search": 256, "filter": {"lang": "en"}},
    },
    "count": {
        "All": {},
        "What matches": {"filter": {"lang": {"$in": ["en", "de"]}}},
    },
    "facets": {
        "The languages there are": {"field": "lang"},
        "Tags of what matches": {"field": "tags", "filter": {"year": {"$gte": 2024}}, "limit": 100},
        "The second page of those with a text, by value": {
            "field": "tags",
            "contains": "a",
            "order": "value",
            "offset": 10,
        },
    },
    "backup": {"Today's": {"name": "2026-11-23"}},
    "tag": {"Before a change": {"name": "before-migration"}},
    "field_range": {
        "From year to year": {"field": "year"},
        "Under a filter": {"field": "year", "filter": {"lang": "en"}},
    },
    "set": {
        "By id": {"ids": [1, "2"], "set": {"year": 2028, "reviewer": None}, "unset": ["draft"]},
        "What matches": {"filter": {"lang": "en"}, "unset": ["notes.internal", "a\\.b"]},
    },
    "write": {
        "A document in two parts": {
            "delete_filters": [{"document": 7}],
            "upserts": [
                {"id": 71, "vector": _VECTOR, "metadata": {"document": 7, "part": 1}},
                {"id": 72, "vector": _VECTOR, "metadata": {"document": 7, "part": 2}},
            ],
            "patches": [{"id": 71, "patch": {"title": "One"}}],
            "sets": [{"id": 72, "set": {"title": None}, "unset": ["part"]}],
        },
    },
    "merge_many": {
        "What matches": {"filter": {"lang": "en"}, "patch": {"reviewed": True, "reviewer": None}},
        "By id": {"ids": [1, "2"], "patch": {"year": 2027}},
    },
    "delete_many": {
        "By id": {"ids": [2, "3"]},
        "By filter": {"filter": {"year": {"$lt": 2020}}},
    },
}
"""By operation, each with a word on what it shows."""
