"""The language of filters, explained for whoever reads the API's description."""

from __future__ import annotations

from asteroid_cloud.query.limits import FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_SCANS_MAX, REGEX_BYTES_MAX

FILTER_HELP = f"""\
### Filters

A filter is a predicate on payloads, as a JSON object of at most {FILTER_BYTES_MAX:,} bytes and
{FILTER_DEPTH_MAX} levels. `{{}}` matches all; several keys in one object must all hold; a bare value means
`$eq`; `"a.b"` is the path from `a` to `b` through objects (arrays are not entered). In any path `\\.`
is a dot in a key, `\\\\` a backslash, and `\\$` at the start a dollar (in JSON:
`"a\\\\.b"`). Whatever the filter, a search finds exactly `k` results or as many as match. Anything
malformed, any unknown `$` name and a mixture of operators and plain keys in one object is refused with
`bad_filter`, which names the place.

| Filter | Matches |
|---|---|
| `{{"a": 1}}`, `{{"a": {{"$eq": 1}}}}` | the numbers 1 and 1.0; not `"1"`, `true`, `[1]` or missing |
| `{{"a": null}}` | a stored null, not missing |
| `{{"a": {{"b": 1}}}}`, `{{"a": []}}` | the whole value, deeply equal |
| `{{"a": {{"$ne": 1}}}}` | all else: missing, null and other types too |
| `{{"a": {{"$gt": 0}}}}`, `$gte`, `$lt`, `$lte` | numbers with numbers, strings with strings (ISO dates) |
| `{{"a": {{"$gte": 0, "$lt": 5}}}}` | both |
| `{{"a": {{"$in": [1, "x", null]}}}}` | whole values equal to one of them; `[]`: none |
| `{{"a": {{"$nin": [1, 2]}}}}` | the complement of `$in`; `[]`: all |
| `{{"a": {{"$contains_any": [1, 2]}}}}` | arrays with at least one of them; `[]`: none |
| `{{"a": {{"$contains_all": [1, 2]}}}}` | arrays with all of them; `[]`: every array |
| `{{"a": {{"$prefix": "ab"}}}}` | strings that begin so, by code points |
| `{{"a": {{"$ieq": "Straße"}}}}` | strings equal but for case (Unicode's full case folding) |
| `{{"a": {{"$contains_text": "new york"}}}}` | strings with all these words, or arrays with them |
| `{{"a": {{"$phrase": "new york"}}}}` | strings with these words in a row, or arrays with one |
| `{{"a": {{"$icontains": "STRASSE"}}}}` | strings with this in them but for case, or arrays with one |
| `{{"a": {{"$regex": "^v[0-9]+"}}}}` | strings, or arrays with one, in which this matches somewhere |
| `{{"a": {{"$size": 2}}}}`, `{{"a": {{"$size": {{"$gte": 1, "$lt": 5}}}}}}` | arrays of such a length |
| `{{"a": {{"$after": "2026-01-01T00:00:00Z"}}}}`, `$on_or_after` | times of RFC 3339, as instants |
| `{{"a": {{"$before": "2026-01-01T02:00:00+02:00"}}}}`, `$on_or_before` | the same; no other value |
| `{{"a": {{"$at": "2026-01-01"}}}}` | the same instant: a date is its midnight, no offset means UTC |
| `{{"a": {{"$exists": true}}}}` | present, be it null, `[]` or `{{}}`; `false`: missing |
| `{{"a": {{"$not": {{"$gt": 5}}}}}}`, `{{"$not": {{"a": 1}}}}` | what the inside does not match |
| `{{"$and": [{{"a": 1}}, {{"b": 2}}]}}` | all of them; `[]`: all |
| `{{"$or": [{{"a": 1}}, {{"b": 2}}]}}` | at least one; `[]`: none |
| `{{"$nor": [{{"a": 1}}, {{"b": 2}}]}}` | none of them |

An expression of `$regex` is in RE2's syntax and has at most {REGEX_BYTES_MAX} bytes; it takes time linear in
the text. Words are runs of letters and digits without case; CJK makes words of two characters; a text without
words is in nothing. A filter has at most {FILTER_SCANS_MAX} of these four.

A boolean never equals a number; integers beyond 2^53 compare exactly with integers.
"""
