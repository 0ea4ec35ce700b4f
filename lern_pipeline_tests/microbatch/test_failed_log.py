"""The newest of a failed topic within a bound, part by part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.microbatch.failed_log import FailedLog, parts
from lern_pipeline.microbatch.key import OffsetRange

pytestmark = pytest.mark.rules


@pytest.mark.parametrize(
    ("starts", "ends", "most", "ranges", "left_out"),
    [
        ({}, {}, 10, [], 0),
        ({0: 5}, {0: 5}, 10, [], 0),
        ({0: 5, 1: 0}, {0: 9, 1: 3}, 10, [OffsetRange(0, 5, 9), OffsetRange(1, 0, 3)], 0),
        ({0: 0, 1: 0}, {0: 100, 1: 2}, 10, [OffsetRange(0, 92, 100), OffsetRange(1, 0, 2)], 92),
        ({0: 0, 1: 50}, {0: 100, 1: 150}, 10, [OffsetRange(0, 95, 100), OffsetRange(1, 145, 150)], 190),
    ],
)
def test_partitions_share_the_bound(
    starts: dict[int, int], ends: dict[int, int], most: int, ranges: list[OffsetRange], left_out: int
) -> None:
    log = FailedLog("t", starts, ends, most)
    assert log.newest() == ranges
    assert log.left_out == left_out


@given(sizes=st.lists(st.integers(0, 40), max_size=6), most=st.integers(1, 100), at_once=st.integers(1, 30))
def test_every_offset_within_the_bound_comes_once_and_few_at_a_time(sizes: list[int], most: int, at_once: int) -> None:
    log = FailedLog("t", dict.fromkeys(range(len(sizes)), 7), {p: 7 + size for p, size in enumerate(sizes)}, most)
    keys = list(parts(log.newest(), at_once))
    seen = [(r.partition, offset) for key in keys for r in key.ranges for offset in range(r.start, r.end)]
    assert len(seen) == len(set(seen)) == min(most, sum(sizes))
    assert len(seen) + log.left_out == log.offsets
    assert all(key.offsets <= at_once for key in keys)
    for partition, size in enumerate(sizes):
        offsets = [offset for p, offset in seen if p == partition]
        assert offsets == list(range(7 + size - len(offsets), 7 + size))
