"""From positions to times: what waits, since when, and how far the table is behind."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.key import OffsetRange
from lern_pipeline.microbatch.table_lag import TableLag, table_lag

pytestmark = pytest.mark.rules

#: Partition → offset → time in seconds. Offsets 3 to 5 of partition 0 hold no record.
LOG = {0: {0: 10, 1: 20, 2: 30, 6: 90}, 1: {0: 15, 1: 70}}
STARTS, ENDS = {0: 0, 1: 0}, {0: 7, 1: 2}


def read(ranges: Sequence[OffsetRange]) -> list[Record]:
    for range_ in ranges:
        assert 0 <= range_.start < range_.end <= ENDS[range_.partition], "the log has no such offsets"
    return [
        Record(range_.partition, offset, seconds * 1000, None, b"")
        for range_ in ranges
        for offset, seconds in LOG[range_.partition].items()
        if range_.start <= offset < range_.end
    ]


def lag(applied: dict[int, int]) -> TableLag:
    return table_lag(applied, STARTS, ENDS, read)


@pytest.mark.parametrize(
    ("applied", "waiting", "seconds", "since"),
    [
        ({0: 7, 1: 2}, 0, 0.0, None),
        ({0: 6, 1: 2}, 1, 20.0, 90),
        # Nothing is at 3 to 5: the event after them waits.
        ({0: 3, 1: 2}, 4, 20.0, 90),
        ({0: 2, 1: 1}, 6, 70.0, 30),
        # A partition that the lane does not know yet.
        ({0: 7}, 2, 0.0, 15),
        # Nothing is applied at all.
        ({0: 0, 1: 0}, 9, None, 10),
        # The lane stands behind the log's end: it has stopped for that reason, which is no lag.
        ({0: 9, 1: 2}, 0, 0.0, None),
    ],
)
def test_what_waits_and_how_far_it_is_behind(
    applied: dict[int, int], waiting: int, seconds: float | None, since: int | None
) -> None:
    found = lag(applied)
    assert (found.waiting, found.seconds) == (waiting, seconds)
    assert found.oldest_waiting == (None if since is None else since * 1000)
    assert found.newest_on_topic == 90_000


def test_waiting_is_counted_from_the_oldest_event() -> None:
    assert lag({0: 2, 1: 2}).waited_seconds(100_000) == 70.0
    assert lag({0: 7, 1: 2}).waited_seconds(100_000) == 0.0
    # A producer's clock may be ahead.
    assert lag({0: 6, 1: 2}).waited_seconds(80_000) == 0.0


def test_records_that_retention_has_taken_are_not_asked_for() -> None:
    found = table_lag({0: 1, 1: 0}, {0: 2, 1: 1}, ENDS, read)
    assert (found.waiting, found.newest_applied, found.oldest_waiting) == (6, None, 30_000)
    assert found.seconds is None


def test_a_topic_that_is_not_there_yet() -> None:
    assert table_lag({}, {}, {}, read) == TableLag(0, None, None, None)
