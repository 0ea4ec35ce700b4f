"""Which users a run takes (contract 2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from lern_pipeline.errors import ConfigurationError

#: What `updateddate` looks like.
UPDATED_DATE = "%Y-%m-%d %H:%M:%S:%f%z"
ABSENT = "null"


@dataclass(frozen=True, slots=True)
class Selection:
    """``specific_user_id`` wins over ``from_specific_date``; None: not asked for."""

    specific_user_id: str | None
    from_specific_date: date | None
    zone: tzinfo

    def takes(self, updateddate: str | None) -> bool:
        """Whether a user who was updated then is to be indexed."""
        if self.specific_user_id is not None or self.from_specific_date is None or updateddate is None:
            return True
        day = updated_day(updateddate, self.zone)
        return day is not None and day >= self.from_specific_date


def updated_day(updateddate: str, zone: tzinfo) -> date | None:
    """The day in the zone; None where the text is no time."""
    try:
        return datetime.strptime(updateddate, UPDATED_DATE).astimezone(zone).date()
    except (ValueError, OverflowError):
        return None


def given(parameter: str) -> str | None:
    """The parameter's text; empty and the text ``null`` are none (R6)."""
    return None if parameter.strip() in ("", ABSENT) else parameter


def specific_date(parameter: str) -> date | None:
    """The day of ``yyyy-MM-dd``.

    Raises:
        ConfigurationError: it is none.
    """
    text = given(parameter)
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ConfigurationError(f"from_specific_date: expected yyyy-MM-dd, found {text[:40]!r}") from None
