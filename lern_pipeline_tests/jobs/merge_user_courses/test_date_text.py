"""Dates as text: what the existing parser takes, and what the contract says it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.jobs.merge_user_courses.date_text import date_reader

pytestmark = pytest.mark.rules

PATTERN = "yyyy-MM-dd HH:mm:ss:SSSZ"
READ = date_reader(PATTERN)
AT = 1704448800000  # 2024-01-05 10:00 UTC


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2024-01-05 10:00:00:000+0000", AT),
        ("2024-01-05 15:30:00:000+0530", AT),
        ("2024-01-05 04:30:00:000-0530", AT),
        ("2024-1-5 10:0:0:0+0000", AT),
        ("2024-01-05 10:00:00:7+0000", AT + 7),
        ("2024-01-05 10:00:00:1000+0000", AT + 1000),
        ("2024-01-05 10:00:00:000+0000 and more", AT),
        ("  2024-01- 05  10:00:00:000 +0000", AT),
        ("2024-01-05 10:00:00:000GMT", AT),
        ("2024-01-05 09:59:60:000utc", AT),
        ("2023-13-05 10:00:00:000+0000", AT),
        ("2023-12-36 10:00:00:000+0000", AT),
        ("2024-01-04 34:00:00:000+0000", AT),
    ],
)
def test_a_date(text: str, milliseconds: int) -> None:
    assert READ(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "2024-01-05 10:00:00:000",
        "2024-01-05 10:00:00:000Z",
        "2024-01-05 10:00:00:000+05:30",
        "2024-01-05 10:00:00:000+5",
        "2024-01-05 10:00:00:000+2400",
        "2024-01-05 10:00:00:000+0060",
        "2024-01-05 10:00:00.000+0000",
        "2024-01-05T10:00:00:000+0000",
        "2024-01-05",
        "99999999999-01-05 10:00:00:000+0000",
        "x2024-01-05 10:00:00:000+0000",
    ],
)
def test_no_date(text: str) -> None:
    assert READ(text) is None


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9998, 12, 31)), st.integers(-14 * 60, 14 * 60))
def test_any_date_is_read_as_it_was_written(local: datetime, offset: int) -> None:
    sign, minutes = ("-", -offset) if offset < 0 else ("+", offset)
    text = (
        f"{local.year}-{local.month:02}-{local.day:02} {local:%H:%M:%S}:{local.microsecond // 1000:03}"
        f"{sign}{minutes // 60:02}{minutes % 60:02}"
    )
    instant = local.replace(tzinfo=UTC, microsecond=local.microsecond // 1000 * 1000) - timedelta(minutes=offset)
    assert READ(text) == round((instant - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def test_the_pattern_is_a_setting() -> None:
    assert date_reader("yyyyMMdd'T'HHmm")("20240105T1000") == AT
    assert date_reader("d.M.yyyy 'o''clock' H")("5.1.2024 o'clock 10") == AT


@pytest.mark.parametrize("pattern", ["yyyy-MMM-dd", "EEE, d", "yyyy 'open", "yyyy yyyy"])
def test_a_pattern_with_unknown_letters_is_a_configuration_error(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match=r"course\.date\.format"):
        date_reader(pattern)
