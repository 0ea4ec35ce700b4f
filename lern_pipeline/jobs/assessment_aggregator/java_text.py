"""Numbers, times and JSON as the existing job writes them as text (contract assessment-aggregator 5, 7). Pure.

Readers compare these texts: reports read ``grand_total``, the LMS shows ``agg_details``.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_HUNDREDTH = Decimal("0.01")
# Enough for the largest double and two decimals.
_DIGITS = 320

_ESCAPED = re.compile("[\x00-\x1f\"\\\\<>&='\u2028\u2029]")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def grand_total(score: float, max_score: float) -> str:
    """``score/max_score``, each with one or two decimals, half even on the binary value, never an exponent."""
    return f"{_rounded(score)}/{_rounded(max_score)}"


def _rounded(value: float) -> str:
    with localcontext() as context:
        context.prec = _DIGITS
        text = f"{Decimal(value).quantize(_HUNDREDTH, ROUND_HALF_EVEN):f}"
    return text.removesuffix("0")


def java_double(value: float) -> str:
    """A double in Java's notation: ``5.0``, ``1.0E7``, ``1.0E-4``."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    shown = "".join(map(str, digits)).rstrip("0")
    power = exponent + len(digits) - 1
    return f"{'-' if sign else ''}{shown[0]}.{shown[1:] or '0'}E{power}"


def json_string(text: str) -> str:
    r"""A JSON string that is safe inside HTML: ``<``, ``>``, ``&``, ``=`` and ``'`` as ``\u003c`` and so on."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def json_text(value: object) -> str:
    """A JSON value as compact text: every number a double in Java's notation, nulls of objects left out.

    Raises:
        OverflowError: a number beyond the doubles.
    """
    parts: list[str] = []
    _append_json(value, parts)
    return "".join(parts)


def _append_json(value: object, parts: list[str]) -> None:
    # One frame a level, loops inside: what was read may be nested hundreds of levels deep.
    if isinstance(value, str):
        parts.append(json_string(value))
    elif value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, (int, float)):
        parts.append(java_double(float(value)))
    elif isinstance(value, list):
        parts.append("[")
        for number, item in enumerate(value):
            if number:
                parts.append(",")
            _append_json(item, parts)
        parts.append("]")
    elif isinstance(value, dict):
        parts.append("{")
        between = ""
        for name, member in value.items():
            if member is None:
                continue
            parts.append(f"{between}{json_string(name)}:")
            _append_json(member, parts)
            between = ","
        parts.append("}")
    else:
        raise TypeError(f"not a JSON value: {type(value).__name__}")


def date_text(epoch_ms: int) -> str:
    """``Jun 3, 2024, 7:33:20 AM`` in UTC, for any time a Cassandra timestamp can hold (D17)."""
    days, ms_of_day = divmod(epoch_ms, 86_400_000)
    hour, rest = divmod(ms_of_day // 1000, 3600)
    minute, second = divmod(rest, 60)
    year, month, day = _civil(days)
    half = "AM" if hour < 12 else "PM"
    # Years before Christ are counted backwards: 0 is 1 BC.
    shown_year = year if year > 0 else 1 - year
    return f"{MONTHS[month - 1]} {day}, {shown_year:04d}, {hour % 12 or 12}:{minute:02}:{second:02} {half}"


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a count of days since 1970; Python's own dates end at the year 9999.

    The year is taken to begin in March, so that the leap day is its last day; eras are of 400 years.
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    return year_of_era + era * 400 + (month <= 2), month, day
