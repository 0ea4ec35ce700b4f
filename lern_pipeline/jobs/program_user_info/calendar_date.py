"""The calendar date of an instant (contract 4.4, D3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lern_pipeline.events.validation import InvalidEvent

# Python's own parser also takes weeks, dates alone and instants without zone.
_INSTANT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?:Z|([+-])(\d{2}):?(\d{2}))", re.ASCII
)


def calendar_date(value: object, what: str) -> str:
    """``yyyy-MM-dd`` in UTC of an ISO-8601 instant; for one that is written in UTC, its first ten characters.

    Raises:
        InvalidEvent: no text, no instant, or a field out of its range.
    """
    if not isinstance(value, str) or not value:
        raise InvalidEvent(f"{what} is missing" if value in (None, "") else f"{what} is not a string")
    found = _INSTANT.fullmatch(value)
    if found is None:
        raise InvalidEvent(f"{what} is not an ISO-8601 instant")
    year, month, day, hour, minute, second, sign, hours, minutes = found.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC)
        if sign:
            if int(hours) > 18 or int(minutes) > 59:
                raise ValueError
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            moment = moment - offset if sign == "+" else moment + offset
    except (ValueError, OverflowError):
        raise InvalidEvent(f"{what} has a field out of range") from None
    return moment.date().isoformat()
