"""JSON Schemas of searches, and of what else reads rows: what they ask, and hits."""

from __future__ import annotations

from asteroid_cloud.api.openapi.schema_words import (
    FLAG,
    NUMBER,
    TEXT,
    Schema,
    about,
    answer,
    array,
    body,
    default,
    integer,
    nullable,
    ref,
)
from asteroid_cloud.api.service.checks import INCLUDABLE_IN_HITS
from asteroid_cloud.api.wire import requests as wire
from asteroid_cloud.query.limits import (
    ALLOWED_IDS_MAX,
    DIVERSITY_CANDIDATES_MAX,
    EF_SEARCH_DEFAULT,
    EF_SEARCH_MAX,
    FIELD_BYTES_MAX,
    FIELDS_MAX,
    GROUPED_HITS_MAX,
    K_MAX,
    OFFSET_MAX,
    RECOMMEND_IDS_MAX,
    SEARCHES_MAX,
)
from asteroid_cloud.wal import LSN_MAX

INCLUDE_IN_HITS = nullable(array({"type": "string", "enum": sorted(INCLUDABLE_IN_HITS)}))
FORMAT = nullable(
    about("How the answer has vectors.", {"type": "string", "enum": ["json", "base64"], "default": "json"})
)
MIN_LSN = nullable(
    about("Wait until reads cover this LSN; 503 not_caught_up after a while.", integer(0, LSN_MAX))
)
FIELDS = about(
    "Of the payload only these, by path; this asks for the payload too. Objects that lead to a field stay, "
    "arrays are not entered, and what a row does not have is left out.",
    nullable(array(TEXT, FIELDS_MAX)),
)
FIELD = about(
    f"A path through objects, a.b for b in a, of at most {FIELD_BYTES_MAX:,} bytes; \\. is a dot in a key.",
    TEXT,
)
EF_SEARCH = about(
    "More finds better and takes longer. Without it, a server that finds its recall too low takes more than "
    "the default.",
    nullable(integer(1, EF_SEARCH_MAX, default=EF_SEARCH_DEFAULT)),
)
ROW = {"id": ref("Id"), "vector": nullable(ref("Vector")), "payload": ref("Payload")}
SEARCHES: dict[str, Schema] = {
    "SearchBody": body(
        [],
        vector=nullable(ref("Vector")),
        id=about("In the vector's place: more like this one.", nullable(ref("IdIn"))),
        recommend=about(
            "In the vector's place: more like these, less like those. Searches with the mean of the positive "
            "ones, plus what lies from the mean of the negative ones to it; of unit vectors under cosine. "
            f"Together {RECOMMEND_IDS_MAX:,} at most; they are left out of the answer.",
            nullable(
                body(
                    ["positive"],
                    positive=array(ref("IdIn"), RECOMMEND_IDS_MAX, least=1),
                    negative=nullable(array(ref("IdIn"), RECOMMEND_IDS_MAX)),
                )
            ),
        ),
        k=default(wire.SearchBody, "k", integer(1, K_MAX)),
        ef_search=EF_SEARCH,
        filter=ref("Filter"),
        ids=about(
            "Only these; with a filter those of them that match.",
            nullable(array(ref("IdIn"), ALLOWED_IDS_MAX)),
        ),
        include=INCLUDE_IN_HITS,
        fields=FIELDS,
        vector_format=FORMAT,
        exact=about("Compare with every vector.", default(wire.SearchBody, "exact", FLAG)),
        offset=default(wire.SearchBody, "offset", integer(0, OFFSET_MAX)),
        group_by=about(
            "Answer `k` groups, by their best hits, each with its `size` best: rows with the same string, "
            "number or boolean in this field. 1 is 1.0; rows with anything else are left out. `offset` "
            f"counts groups. `k` times `size` is {GROUPED_HITS_MAX:,} at most.",
            nullable(body(["field"], field=FIELD, size=integer(1, GROUPED_HITS_MAX, default=1))),
        ),
        diversity=about(
            "Choose hits among more candidates, so that they are unlike each other: each time the one with "
            "the greatest `lambda · score − (1 − lambda) · likeness`, where likeness is its greatest score "
            "for a hit chosen before. `lambda` 1 is the plain search. Hits come in the order of choice; no "
            "`offset`. `candidates` is max(4 · k, 40) by default, and k is at most "
            f"{DIVERSITY_CANDIDATES_MAX:,}.",
            nullable(
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "lambda": NUMBER | {"minimum": 0, "maximum": 1, "default": 0.5},
                        "candidates": nullable(integer(1, DIVERSITY_CANDIDATES_MAX)),
                    },
                }
            ),
        ),
        max_distance=nullable(NUMBER),
        min_score=about("Leave out hits with a lower score.", nullable(NUMBER)),
        min_lsn=MIN_LSN,
        explain=about("Say how it was searched.", default(wire.SearchBody, "explain", FLAG)),
        text=ref("TextQuery"),
        fusion=ref("Fusion"),
        max_scan_candidates=about("Accepted without effect.", {}),
    ),
    "SearchBatchBody": body(["searches"], searches=array(ref("SearchBody"), SEARCHES_MAX), min_lsn=MIN_LSN),
    "Hit": answer(
        ["id"],
        distance=about("Absent where only words have found it.", NUMBER),
        score=about(
            "Higher is better: 1 - distance (cosine), the product (ip), 1 / (1 + distance) (l2); BM25 "
            "of words; their fusion. Always there in a search by text.",
            NUMBER,
        ),
        text_score=about("BM25 of its words, in a search by a vector too.", NUMBER),
        **ROW,
    ),
    "Group": answer(
        ["value", "hits"],
        value={"anyOf": [TEXT, NUMBER, FLAG]},
        hits=about("The best of the group, the nearest first.", array(ref("Hit"))),
    ),
    "Hits": answer(
        [],
        results=about("Unless groups were asked for.", array(ref("Hit"))),
        groups=about("With `group_by`, instead of results.", array(ref("Group"))),
        explain=ref("Explain"),
    ),
    "HitsOfMany": answer(["results"], results=array(ref("Hits"))),
}
"""By name."""
