"""Which batches may be forgotten: expired, unreadable, and never in a way that breaks the chain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.orchestration.pruning import prunable

pytestmark = pytest.mark.rules

WEEK = timedelta(days=7)
NOW = datetime(2027, 6, 1, tzinfo=UTC)


def key(start: int, days_ago: float, size: int = 10) -> MicroBatchKey:
    return MicroBatchKey.of(NOW - timedelta(days=days_ago), [OffsetRange(0, start, start + size)])


KEYS = [key(0, 30), key(10, 20), key(20, 10), key(30, 1)]


def starts(keys: list[MicroBatchKey]) -> list[int]:
    return [one.starts[0] for one in keys]


def test_a_batch_goes_when_its_plan_has_expired_and_kafka_has_none_of_its_records() -> None:
    assert starts(prunable(KEYS, {0: 20}, NOW, WEEK, 100)) == [0, 10]


def test_a_batch_that_kafka_still_has_in_part_stays() -> None:
    assert starts(prunable(KEYS, {0: 19}, NOW, WEEK, 100)) == [0]


def test_a_batch_whose_plan_has_not_expired_stays_although_kafka_has_lost_it() -> None:
    assert starts(prunable(KEYS, {0: 40}, NOW, WEEK, 100)) == [0, 10, 20]


def test_the_newest_batch_stays_however_old_it_is() -> None:
    assert prunable([key(0, 900)], {0: 10_000}, NOW, WEEK, 1) == []


def test_too_many_keys_let_readable_batches_go_once_their_plan_has_expired() -> None:
    assert starts(prunable(KEYS, {0: 0}, NOW, WEEK, 2)) == [0, 10]


def test_an_unknown_topic_lets_nothing_go() -> None:
    assert prunable(KEYS, {}, NOW, WEEK, 100) == []


@given(
    st.lists(st.tuples(st.integers(0, 20), st.floats(0, 30)), min_size=1, max_size=12),
    st.integers(0, 200),
    st.integers(1, 12),
)
def test_what_goes_is_always_the_beginning_and_never_all(
    batches: list[tuple[int, float]], log_start: int, most: int
) -> None:
    keys, at = [], 0
    for size, days_ago in batches:
        keys.append(key(at, days_ago, size))
        at += size
    gone = prunable(keys, {0: log_start}, NOW, WEEK, most)
    assert gone == keys[: len(gone)]
    assert len(gone) < len(keys)
    assert all(NOW - one.planned_at >= WEEK for one in gone)
