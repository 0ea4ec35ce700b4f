"""Dates kept as text, read as leniently as the existing job reads them (contract merge-user-courses 4.1).

The pattern is a Java one (``course.date.format``). Of what Java's parser accepts this one knows: fields of one digit
and more, values out of range that roll over, blanks before a field, any text behind the date, zones as ``±HHmm``, GMT
and UTC. All else is no date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lern_pipeline.errors import ConfigurationError

DateReader = Callable[[str], int | None]

_NUMBERS = {"y": "year", "M": "month", "d": "day", "H": "hour", "m": "minute", "s": "second", "S": "millisecond"}
_ZONE = r"[ \t]*(?:(?P<sign>[+-])(?P<zone_hours>[01]\d|2[0-3])(?P<zone_minutes>[0-5]\d)|(?i:GMT|UTC))"
_TOKEN = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<field>([A-Za-z])\3*)|(?P<literal>[^A-Za-z'])")


def date_reader(pattern: str) -> DateReader:
    """Text → epoch milliseconds, None for what is no date.

    Raises:
        ConfigurationError: the pattern has a letter that is not known here.
    """
    try:
        compiled = re.compile("".join(_expressions(pattern)))
    except re.error:
        # A field that comes twice.
        raise _unknown(pattern) from None

    def read(text: str) -> int | None:
        match = compiled.match(text)
        if match is None:
            return None
        found = {name: value for name, value in match.groupdict().items() if value is not None}
        if any(len(value) > 9 for value in found.values()):
            return None
        return _epoch_milliseconds(found)

    return read


def _expressions(pattern: str) -> Iterator[str]:
    """The pattern's tokens as regular expressions. A number ends with its digits, or where another follows at once
    (``yyyyMMdd``), after as many as the pattern has letters."""
    tokens = list(_TOKEN.finditer(pattern))
    if "".join(token[0] for token in tokens) != pattern:
        raise _unknown(pattern)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        field = token["field"]
        if token["quoted"] is not None:
            yield re.escape(token["quoted"].replace("''", "'") or "'")
        elif token["literal"] is not None:
            yield re.escape(token["literal"])
        elif field == "Z" or (field[0] in _NUMBERS and not (field[0] == "M" and len(field) > 2)):
            yield _ZONE if field == "Z" else _number(field, following)
        else:
            raise _unknown(pattern)


def _number(field: str, following: re.Match[str] | None) -> str:
    glued = following is not None and following["field"] is not None and following["field"][0] in _NUMBERS
    digits = rf"\d{{1,{len(field)}}}" if glued else r"\d+"
    return rf"[ \t]*(?P<{_NUMBERS[field[0]]}>{digits})"


def _unknown(pattern: str) -> ConfigurationError:
    return ConfigurationError(
        f"course.date.format: {pattern!r} cannot be used; known are y, M, MM, d, H, m, s, S, Z and quoted text"
    )


def _epoch_milliseconds(found: dict[str, str]) -> int:
    number = {name: int(found[name]) for name in _NUMBERS.values() if name in found}
    days = _days(number.get("year", 1970), number.get("month", 1), number.get("day", 1))
    minutes = (days * 24 + number.get("hour", 0)) * 60 + number.get("minute", 0)
    if "sign" in found:
        offset = int(found["zone_hours"]) * 60 + int(found["zone_minutes"])
        minutes -= offset if found["sign"] == "+" else -offset
    return (minutes * 60 + number.get("second", 0)) * 1000 + number.get("millisecond", 0)


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar, for any year; months and days roll over."""
    year += (month - 1) // 12
    # Years that begin in March end with the leap day.
    month_from_march = ((month - 1) % 12 + 10) % 12
    if month_from_march >= 10:
        year -= 1
    days_of_years = year * 365 + year // 4 - year // 100 + year // 400
    return days_of_years + (153 * month_from_march + 2) // 5 + day - 1 - 719468
