"""Texts that readers compare: numbers, times, JSON (contract 5, 7)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.jobs.assessment_aggregator.java_text import (
    date_text,
    grand_total,
    java_double,
    json_string,
    json_text,
)

pytestmark = pytest.mark.rules

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2.0"),
        (1.33, "1.33"),
        (0.125, "0.12"),
        (0.135, "0.14"),
        (0.145, "0.14"),
        (2.675, "2.67"),
        (0.005, "0.01"),
        (0.015, "0.01"),
        (0.995, "0.99"),
        (10.345, "10.35"),
        (0.6000000000000001, "0.6"),
        (1e10, "10000000000.0"),
        (-0.001, "-0.0"),
        (0.0, "0.0"),
        (1e300, f"{int(1e300)}.0"),
    ],
)
def test_grand_totals_round_half_even_on_the_binary_value(value: float, text: str) -> None:
    assert grand_total(value, value) == f"{text}/{text}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5.0"),
        (9999999, "9999999.0"),
        (10000000, "1.0E7"),
        (12345678901, "1.2345678901E10"),
        (0.0001, "1.0E-4"),
        (0.001, "0.001"),
        (-0.0, "-0.0"),
        (0.0, "0.0"),
        (1e-7, "1.0E-7"),
        (-123456789.0, "-1.23456789E8"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (5e-324, "5.0E-324"),
        (1.33, "1.33"),
    ],
)
def test_doubles_are_in_java_notation(value: float, text: str) -> None:
    assert java_double(float(value)) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_in_java_notation_is_the_same_double(value: float) -> None:
    assert float(java_double(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"text": "A<b>"}, r'{"text":"A\u003cb\u003e"}'),
        ("&='", r'"\u0026\u003d\u0027"'),
        (5, "5.0"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        ({"correct": ["1"]}, '{"correct":["1"]}'),
        ({"a": None, "b": [None, {"c": None, "d": 1e-7}]}, '{"b":[null,{"d":1.0E-7}]}'),
        ('"\\/\n\r\t\b\f\x00\x1f\x7f\u2028\u2029é𝒳', r'"\"\\/\n\r\t\b\f\u0000\u001f' + "\x7f" + r'\u2028\u2029é𝒳"'),
        ({"k'<": {}}, r'{"k\u0027\u003c":{}}'),
        ([], "[]"),
    ],
)
def test_json_is_compact_and_escaped_for_html(value: object, text: str) -> None:
    assert json_text(value) == text


@given(st.text())
def test_an_escaped_string_reads_as_what_it_was(text: str) -> None:
    assert json.loads(json_string(text)) == text


def test_deep_nesting_is_written() -> None:
    value: object = 1
    for _ in range(490):
        value = [value]
    assert json_text(value) == "[" * 490 + "1.0" + "]" * 490


@pytest.mark.parametrize(
    ("epoch_ms", "text"),
    [
        (1_717_400_000_123, "Jun 3, 2024, 7:33:20 AM"),
        (1_717_372_800_000, "Jun 3, 2024, 12:00:00 AM"),
        (1_717_416_000_999, "Jun 3, 2024, 12:00:00 PM"),
        (1_735_689_599_999, "Dec 31, 2024, 11:59:59 PM"),
        (0, "Jan 1, 1970, 12:00:00 AM"),
        (-1, "Dec 31, 1969, 11:59:59 PM"),
        (951_782_400_000, "Feb 29, 2000, 12:00:00 AM"),
        (2**63 - 1, "Aug 17, 292278994, 7:12:55 AM"),
        (-(2**63), "May 16, 292275056, 4:47:04 PM"),
    ],
)
def test_times_of_details_are_american_and_in_utc(epoch_ms: int, text: str) -> None:
    assert date_text(epoch_ms) == text


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_times_are_those_of_the_calendar(epoch_ms: int) -> None:
    moment = EPOCH + timedelta(milliseconds=epoch_ms)
    assert date_text(epoch_ms).startswith(f"{moment:%b} {moment.day}, {moment.year:04d}, {moment.hour % 12 or 12}:")
    assert date_text(epoch_ms).endswith(f"{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}")
