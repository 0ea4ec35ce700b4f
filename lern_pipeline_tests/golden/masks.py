"""Masks of values that differ from run to run: `<uuid>`, `<now>`, `<ms>`, `<any>`, alone or inside a text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_MASK = re.compile(r"<(uuid|now|ms|any)>")
_INSIDE = {
    "uuid": r"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})",
    "ms": r"(\d{13})",
    "now": r"(.+?)",
    "any": r"(.*)",
}
_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[ T](?P<minute>\d\d:\d\d)(?::(?P<second>\d\d)(?:[.:,](?P<fraction>\d{1,9}))?)?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?"
)


@dataclass(frozen=True)
class RunWindow:
    """The time between the first thing done and the last thing read, as `<now>` and `<ms>` mean it."""

    start: datetime
    end: datetime

    def holds(self, value: object) -> bool:
        """Whether the value is a time within the run, in whatever form; a date is within if the run touches it."""
        span = _span(value)
        return span is not None and span[0] <= self.end and span[1] >= self.start

    def holds_ms(self, value: object) -> bool:
        """Whether the value is a number of milliseconds within the run."""
        return isinstance(value, int) and not isinstance(value, bool) and value > 10**11 and self.holds(value)


def has_mask(text: str) -> bool:
    """Whether anything in the text is masked."""
    return _MASK.search(text) is not None


def matches(expected: str, actual: object, window: RunWindow) -> bool:
    """Whether the value is what the masked text describes."""
    match expected:
        case "<any>":
            return True
        case "<now>":
            return window.holds(actual)
        case "<ms>":
            return window.holds_ms(actual)
    if isinstance(actual, (dict, list)) and "<any>" in expected:
        # A JSON value of which only a part is expected, as text.
        actual = json.dumps(actual, ensure_ascii=False)
    if not isinstance(actual, str):
        return False
    names = _MASK.findall(expected)
    # Split by a pattern with one group: texts and names take turns.
    texts = _MASK.split(expected)[::2]
    pattern = re.escape(texts[0]) + "".join(
        _INSIDE[name] + re.escape(text) for name, text in zip(names, texts[1:], strict=True)
    )
    found = re.fullmatch(pattern, actual, re.DOTALL)
    if found is None:
        return False
    for name, part in zip(names, found.groups(), strict=True):
        if name == "now" and not window.holds(part):
            return False
        if name == "ms" and not window.holds_ms(int(part)):
            return False
    return True


def _span(value: object) -> tuple[datetime, datetime] | None:
    """The first and the last moment that the value may mean, by its precision."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        seconds, precision = (value / 1000, 0.001) if value > 10**11 else (float(value), 1.0)
        try:
            moment = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            return None
        return moment - timedelta(milliseconds=1), moment + timedelta(seconds=precision)
    if not isinstance(value, str):
        return None
    if value.isascii() and value.isdigit():
        return _span(int(value))
    found = _TIME.fullmatch(value)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{found['date']}T{found['minute'] or '00:00'}:{found['second'] or '00'}")
    except ValueError:
        return None
    fraction = found["fraction"]
    if fraction is not None:
        moment += timedelta(seconds=int(fraction) / 10 ** len(fraction))
        precision = 10.0 ** -len(fraction)
    else:
        precision = 1.0 if found["second"] else 60.0 if found["minute"] else 86_400.0
    start = moment.replace(tzinfo=_zone(found["zone"]))
    return start, start + timedelta(seconds=precision)


def _zone(text: str | None) -> timezone:
    if text in (None, "Z", "UTC"):
        return UTC
    assert text is not None
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)
