"""One content's consumption of two accounts becomes one (contract merge-user-courses 4.1, D10, D12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lern_pipeline.jobs.merge_user_courses.date_text import DateReader
from lern_pipeline.jobs.merge_user_courses.learner_tables import Row

LARGEST_INT = 2**31 - 1


def merged_consumption(f: Row, t: Row, date_of: DateReader) -> Row:
    """``t`` with ``f`` merged into it; a column that no rule knows keeps the value of ``t``."""
    merged = dict(t)
    for column, rule in _RULES.items():
        if column not in f:
            continue
        merged[column] = f[column] if column not in t else rule(f[column], t[column])
    for column in _DATE_TEXTS:
        if column in f:
            merged[column] = f[column] if column not in t else _later_text(f[column], t[column], date_of)
    if "progressdetails" in f and ("progressdetails" not in t or _further(f, t)):
        merged["progressdetails"] = f["progressdetails"]
    return merged


def _sum(f: int, t: int) -> int:
    """Views and completions add up, as far as the column goes."""
    return min(f + t, LARGEST_INT)


def _later_text(f: str, t: str, date_of: DateReader) -> str:
    f_date, t_date = date_of(f), date_of(t)
    if f_date is None:
        return t
    if t_date is None or f_date > t_date:
        return f
    return t


def _further(f: Row, t: Row) -> bool:
    """Whether ``f`` has the greater progress; none is less than any."""
    progress = f.get("progress")
    return progress is not None and ("progress" not in t or progress > t["progress"])


_RULES: Mapping[str, Callable[[Any, Any], Any]] = {
    "status": max,
    "progress": max,
    "viewcount": _sum,
    "completedcount": _sum,
    "datetime": max,
    "last_access_time": max,
    "last_completed_time": max,
    "last_updated_time": max,
    "completionpercentage": max,
}
_DATE_TEXTS = ("lastaccesstime", "lastcompletedtime", "lastupdatedtime")
