"""Issue and expiry dates (contract collection-certificate-generator 4). Zones are not converted: the text's count."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

from lern_pipeline.events.validation import InvalidEvent

_FULL = "%Y-%m-%dT%H:%M:%SZ"
_FULL_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PERIOD = re.compile(r"([0-9]{1,6})([dmyDMY])")


def issued_date(text: str, now_ms: int) -> datetime:
    """When the certificate is issued; a blank text is now.

    Raises:
        InvalidEvent: no date.
    """
    if not text.strip():
        return datetime.fromtimestamp(now_ms // 1000, UTC).replace(tzinfo=None)
    try:
        if _FULL_SHAPE.fullmatch(text):
            return datetime.strptime(text, _FULL)
    except ValueError:
        # It may still begin with a date.
        pass
    date = _DATE.match(text)
    try:
        return datetime.strptime(date[0] if date else "", "%Y-%m-%d")
    except ValueError:
        raise InvalidEvent("issued date is not in valid format") from None


def normal_form(date: datetime) -> str:
    """``yyyy-MM-ddTHH:mm:ssZ``."""
    # Not strftime: it leaves out the zeros of early years.
    return f"{date.isoformat(timespec='seconds')}Z"


def expiry_date(text: str, issued: datetime) -> str:
    """Empty, the text, or ``issued`` with its periods added: ``2y 3m``.

    Raises:
        InvalidEvent: a period that is none, or that leads beyond the year 9999.
    """
    if not text.strip():
        return ""
    if _FULL_SHAPE.fullmatch(text):
        return text
    date = issued
    for period in text.split(" "):
        try:
            date = _later(date, period)
        except (ValueError, OverflowError):
            reason = "Given expiry date is invalid"
            raise InvalidEvent(reason, error=f"{reason}{period}") from None
    return normal_form(date)


def utc_date(epoch_ms: int) -> str:
    """``yyyy-MM-dd``.

    Raises:
        OverflowError: no year of four digits.
    """
    return (datetime(1970, 1, 1) + timedelta(milliseconds=epoch_ms)).date().isoformat()


def _later(date: datetime, period: str) -> datetime:
    """Calendar arithmetic; the day is that of the month, or its last."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise ValueError(period)
    number, unit = int(match[1]), match[2].lower()
    if unit == "d":
        return date + timedelta(days=number)
    months = date.year * 12 + date.month - 1 + number * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    return date.replace(year=year, month=month + 1, day=min(date.day, monthrange(year, month + 1)[1]))
