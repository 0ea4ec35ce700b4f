"""The name of a micro-batch is its content: what a key says, and what is no key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.microbatch.key import InvalidKey, MicroBatchKey, OffsetRange

pytestmark = pytest.mark.rules

MOMENT = datetime(2026, 11, 22, 3, 45, 10, tzinfo=UTC)


@st.composite
def keys(draw: st.DrawFn) -> MicroBatchKey:
    moment = draw(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC)))
    partitions = draw(st.sets(st.integers(0, 5000), min_size=1, max_size=12))
    starts = {partition: draw(st.integers(0, 2**63 - 2)) for partition in partitions}
    ranges = [OffsetRange(p, start, start + draw(st.integers(0, 100_000))) for p, start in starts.items()]
    return MicroBatchKey.of(moment, ranges)


@given(keys())
def test_a_key_survives_being_written_and_read(key: MicroBatchKey) -> None:
    assert MicroBatchKey.parse(str(key)) == key


def test_a_key_is_written_as_the_design_says() -> None:
    ranges = [OffsetRange(1, 800, 1300), OffsetRange(0, 1200, 1700), OffsetRange(2, 5, 5)]
    assert str(MicroBatchKey.of(MOMENT, ranges)) == "20261122T034510Z_0.1200-1700_1.800-1300_2.5"


def test_planning_time_is_utc_and_whole_seconds_wherever_it_was_planned() -> None:
    in_india = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30))).replace(microsecond=999_999)
    assert MicroBatchKey.of(in_india, [OffsetRange(0, 0, 1)]) == MicroBatchKey.of(MOMENT, [OffsetRange(0, 0, 1)])


def test_partitions_are_in_order_of_their_numbers_and_not_of_their_digits() -> None:
    ranges = [OffsetRange(10, 0, 1), OffsetRange(9, 0, 1)]
    assert str(MicroBatchKey.of(MOMENT, ranges)).endswith("_9.0-1_10.0-1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "_",
        "0.1-2",
        "20261122T034510Z",
        "20261122T034510Z_",
        "20261122T034510Z_0",
        "20261122T034510Z_0.",
        "20261122T034510Z_0.5-",
        "20261122T034510Z_0.-5",
        "20261122T034510Z_0.5-4",
        "20261122T034510Z_0.1-2_0.2-3",
        "20261122T034510Z_0.1-2__1.1-2",
        "20261122T034510Z_0.1-2 ",
        "20261122T034510Z_0.1-2\n",
        "20261122T034510Z_a.1-2",
        "20261322T034510Z_0.1-2",
        "2026-11-22T03:45:10Z_0.1-2",
        "../../etc_0.1-2",
    ],
    ids=repr,
)
def test_what_is_no_key_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidKey) as refused:
        MicroBatchKey.parse(text)
    assert repr(text) in str(refused.value)


@given(st.text(max_size=60))
def test_arbitrary_text_is_a_key_or_refused(text: str) -> None:
    try:
        key = MicroBatchKey.parse(text)
    except InvalidKey:
        return
    assert key.ranges


def test_a_key_holds_the_whole_position_also_of_quiet_partitions() -> None:
    key = MicroBatchKey.parse("20261122T034510Z_0.1200-1700_1.800")
    assert key.starts == {0: 1200, 1: 800}
    assert key.ends == {0: 1700, 1: 800}
    assert key.offsets == 500
    assert not key.is_position


def test_a_key_without_any_range_only_moves_the_lane() -> None:
    key = MicroBatchKey.at(MOMENT, {1: 7, 0: 0})
    assert str(key) == "20261122T034510Z_0.0_1.7"
    assert key.is_position


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ("20261122T034510Z_0.10-20_1.5-9", True),
        ("20261122T034510Z_0.10-20_1.5", True),
        ("20261122T034510Z_0.10-20_1.5_2.33-40", True),
        ("20261122T034510Z_0.9-20_1.5-9", False),
        ("20261122T034510Z_0.11-20_1.5-9", False),
        ("20261122T034510Z_0.10-20", False),
    ],
)
def test_a_key_follows_another_that_ends_where_it_starts(text: str, follows: bool) -> None:
    before = MicroBatchKey.parse("20261122T034400Z_0.4-10_1.5")
    assert MicroBatchKey.parse(text).follows(before) is follows
