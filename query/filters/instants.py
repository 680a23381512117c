"""Moments in time as RFC 3339 writes them, comparable whatever their offsets and however fine.

A ``date-time``, the same without its offset, which is then UTC, or a ``full-date``, which is its midnight in
UTC. The columns read texts by the same rules (``native/columns/instants``).
"""

from __future__ import annotations

import re
from datetime import date

Instant = tuple[int, int, str]
"""Seconds since the day before 0001-01-01, 1 within a leap second, and the digits of the fraction.

Fractions have no zeros at their end, so that they order as texts; any number of digits is exact.
"""

DAY_S = 86_400
DAYS_OF_400_YEARS = 146_097

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))?)?", re.ASCII
)


def instant(text: str) -> Instant | None:
    """The moment that a text names, or None for a text that is no date or time of RFC 3339.

    The years are 0000 … 9999. A second of 60 is taken at 23:59 UTC only, where leap seconds are.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    years, months, days, hours, minutes, seconds, fraction, sign, ahead_h, ahead_m = found.groups()
    day = _day(int(years), int(months), int(days))
    if day is None:
        return None
    if hours is None:
        return day * DAY_S, 0, ""
    hour, minute, second = int(hours), int(minutes), int(seconds)
    if hour > 23 or minute > 59 or second > 60:
        return None
    leap = second // 60
    total = day * DAY_S + hour * 3600 + minute * 60 + second - leap
    if sign is not None:
        if int(ahead_h) > 23 or int(ahead_m) > 59:
            return None
        ahead = int(ahead_h) * 3600 + int(ahead_m) * 60
        total += ahead if sign == "-" else -ahead
    if leap and total % DAY_S != DAY_S - 1:
        return None
    return total, leap, (fraction or "").rstrip("0")


def day_text(moment: Instant) -> str:
    """What dates on the day of a moment (UTC) begin with; of days before the year 0001, the year 0000."""
    day = min(moment[0] // DAY_S, date.max.toordinal())
    return date.fromordinal(day).isoformat() if day > 0 else "0000"


def _day(year: int, month: int, day: int) -> int | None:
    """The number of a day, 1 for 0001-01-01; None when the calendar has no such day."""
    try:
        if year == 0:  # which Python's dates do not have; the calendar repeats after 400 years
            return date(400, month, day).toordinal() - DAYS_OF_400_YEARS
        return date(year, month, day).toordinal()
    except ValueError:
        return None
