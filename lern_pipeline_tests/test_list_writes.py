"""Write times of lists: later at every repetition, and never much later."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.resources.list_writes import ListWriteTimes, later_by

pytestmark = pytest.mark.rules

MILLISECOND = 1_000
DAY = 86_400 * 1_000_000


@given(elapsed=st.integers(0, 60_000_000 - MILLISECOND))
def test_sent_again_a_millisecond_later_within_a_minute_is_later(elapsed: int) -> None:
    assert later_by(elapsed + MILLISECOND) > later_by(elapsed)


@given(elapsed=st.integers(0, 400 * DAY), more=st.integers(100 * MILLISECOND, DAY))
def test_sent_again_a_tenth_of_a_second_later_is_always_later(elapsed: int, more: int) -> None:
    assert later_by(elapsed + more) > later_by(elapsed)


def test_after_a_day_it_is_not_a_second_later() -> None:
    assert later_by(DAY) < 1_000_000


def test_a_clock_that_is_behind_changes_nothing() -> None:
    assert later_by(-5 * DAY) == 0


def test_attempts_of_one_set_of_rows_differ_without_any_time_between_them() -> None:
    times = ListWriteTimes(clock=lambda: 1.0)
    assert [times.next_attempt()(1_000_000) for _ in range(3)] == [1_000_000, 1_000_001, 1_000_002]
