"""What a lane does next: gate, adoption, back-off, first start, size, waiting, topics made anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.planner import (
    BatchStatus,
    LaneView,
    Limits,
    NewestBatch,
    PlanBatch,
    RequestRun,
    SetPosition,
    Step,
    Stop,
    Wait,
    next_step,
)

pytestmark = pytest.mark.rules

NOW = 1_800_000_000.0
NEWEST = MicroBatchKey.parse("20270115T075900Z_0.100-200_1.50")
LIMITS = Limits(max_records=1000, min_records=10)


def step(
    status: BatchStatus | None = BatchStatus.MATERIALISED,
    ends: Mapping[int, int] | None = None,
    newest: Mapping[str, Any] | None = None,
    **view: Any,
) -> Step:
    """The step of a lane that stands at 0.200 and 1.50, unless told otherwise."""
    batch = None if status is None else NewestBatch(NEWEST, status, **(newest or {}))
    given: dict[str, Any] = {
        "now": NOW,
        "newest": batch,
        "log_starts": {0: 0, 1: 0},
        "log_ends": {0: 260, 1: 50} if ends is None else ends,
        "committed": {},
        "limits": LIMITS,
    }
    return next_step(LaneView(**(given | view)))


def planned(found: Step) -> MicroBatchKey:
    assert isinstance(found, PlanBatch)
    return found.key


# --- the lane gate


def test_the_next_batch_starts_where_the_newest_ended_and_names_every_partition() -> None:
    found = step()
    assert str(planned(found)) == "20270115T080000Z_0.200-260_1.50"
    assert isinstance(found, PlanBatch)
    assert found.lag == 60


def test_nothing_is_planned_behind_a_batch_in_progress_and_the_lag_is_told() -> None:
    found = step(BatchStatus.IN_PROGRESS, newest={"attempts": 1})
    assert isinstance(found, Wait)
    assert found.lag == 60
    assert str(NEWEST) in found.reason


def test_a_key_whose_run_was_never_requested_is_adopted() -> None:
    assert step(BatchStatus.NOT_REQUESTED) == RequestRun(NEWEST, 1)


def test_a_key_is_adopted_also_while_the_topic_cannot_be_seen() -> None:
    assert step(BatchStatus.NOT_REQUESTED, ends={}) == RequestRun(NEWEST, 1)


def test_nothing_new_is_nothing_to_do() -> None:
    assert step(ends={0: 200, 1: 50}) == Wait("nothing new")


def test_a_topic_that_does_not_exist_is_waited_for() -> None:
    assert isinstance(step(None, ends={}), Wait)
    assert isinstance(step(ends={}), Wait)


# --- failures


@pytest.mark.parametrize(
    ("failures", "pause"), [(1, 30), (2, 60), (3, 120), (4, 240), (5, 480), (6, 600), (7, 600), (5000, 600)]
)
def test_a_failed_batch_is_tried_again_after_30_seconds_to_10_minutes(failures: int, pause: int) -> None:
    failed = {"attempts": failures, "failed_at": NOW - pause + 1}
    waits = step(BatchStatus.FAILED, newest=failed)
    assert isinstance(waits, Wait)
    assert waits.until == NOW + 1
    assert waits.lag == 60
    due = step(BatchStatus.FAILED, newest=failed | {"failed_at": NOW - pause})
    assert due == RequestRun(NEWEST, failures + 1)


def test_an_installation_may_set_other_pauses() -> None:
    limits = replace(LIMITS, backoff_seconds=1.0, max_backoff_seconds=3.0)
    failed = {"attempts": 4, "failed_at": NOW - 3}
    assert step(BatchStatus.FAILED, newest=failed, limits=limits) == RequestRun(NEWEST, 5)


# --- first start


def first_start(**view: Any) -> Mapping[int, int]:
    given: dict[str, Any] = {"log_starts": {0: 10, 1: 20}, "ends": {0: 100, 1: 200}}
    found = step(None, **(given | view))
    assert isinstance(found, SetPosition)
    assert found.key.is_position
    return found.key.ends


def test_the_first_start_takes_over_where_the_consumer_group_stands() -> None:
    assert first_start(committed={0: 40, 1: 150}) == {0: 40, 1: 150}


def test_committed_offsets_that_have_expired_begin_at_what_is_left() -> None:
    assert first_start(committed={0: 3, 1: 150}) == {0: 10, 1: 150}


def test_committed_offsets_behind_the_end_of_the_log_begin_at_its_end() -> None:
    assert first_start(committed={0: 5000, 1: 150}) == {0: 100, 1: 150}


@pytest.mark.parametrize(("reset", "position"), [("latest", 200), ("earliest", 20)])
def test_a_partition_without_a_commit_starts_as_the_reset_setting_says(reset: str, position: int) -> None:
    limits = replace(LIMITS, offset_reset=reset)
    assert first_start(committed={0: 40}, limits=limits) == {0: 40, 1: position}


@pytest.mark.parametrize(("reset", "positions"), [("latest", {0: 100, 1: 200}), ("earliest", {0: 10, 1: 20})])
def test_a_group_that_never_committed_starts_as_the_reset_setting_says(
    reset: str, positions: Mapping[int, int]
) -> None:
    assert first_start(limits=replace(LIMITS, offset_reset=reset)) == positions


def test_committed_offsets_no_longer_count_once_there_is_a_key() -> None:
    assert planned(step(committed={0: 230, 1: 0})).starts == {0: 200, 1: 50}


# --- size


def test_a_small_lag_is_one_batch() -> None:
    assert planned(step(ends={0: 201, 1: 50})).offsets == 1


def test_a_large_lag_is_cut_at_the_limit_on_records() -> None:
    assert planned(step(ends={0: 9000, 1: 9000})).offsets == 1000


def test_a_batch_is_cut_at_the_limit_on_bytes_as_the_last_one_weighed() -> None:
    limits = replace(LIMITS, max_bytes=10_000)
    assert planned(step(ends={0: 9000, 1: 9000}, limits=limits, bytes_per_record=100.0)).offsets == 100


def test_records_larger_than_the_limit_on_bytes_come_one_by_one() -> None:
    limits = replace(LIMITS, max_bytes=10)
    assert planned(step(ends={0: 9000, 1: 50}, limits=limits, bytes_per_record=5e6)).offsets == 1


def test_what_a_quiet_partition_leaves_goes_to_the_busy_ones() -> None:
    assert planned(step(ends={0: 9200, 1: 53})).ends == {0: 200 + 997, 1: 53}


def test_two_busy_partitions_share_a_batch() -> None:
    assert planned(step(ends={0: 9200, 1: 9050})).ends == {0: 700, 1: 550}


# --- waiting for more records

COLLECTING = replace(LIMITS, max_wait_seconds=20.0)


def test_few_records_wait_for_more() -> None:
    found = step(ends={0: 209, 1: 50}, limits=COLLECTING, waiting_since=NOW - 15)
    assert isinstance(found, Wait)
    assert found.lag == 9
    assert found.until == NOW + 5


def test_records_seen_for_the_first_time_wait_the_whole_time() -> None:
    found = step(ends={0: 209, 1: 50}, limits=COLLECTING)
    assert isinstance(found, Wait)
    assert found.until == NOW + 20


def test_few_records_go_when_they_have_waited_long_enough() -> None:
    assert planned(step(ends={0: 209, 1: 50}, limits=COLLECTING, waiting_since=NOW - 20)).offsets == 9


def test_enough_records_do_not_wait() -> None:
    assert planned(step(ends={0: 210, 1: 50}, limits=COLLECTING)).offsets == 10


# --- the topic changes


@pytest.mark.parametrize("ends", [{0: 199, 1: 50}, {0: 0, 1: 0}, {0: 500, 1: 49}])
def test_a_topic_made_anew_stops_the_lane_and_says_how_to_go_on(ends: Mapping[int, int]) -> None:
    found = step(ends=ends)
    assert isinstance(found, Stop)
    assert "made anew" in found.reason
    assert "lern-pipeline rewind" in found.reason


def test_a_partition_that_is_gone_stops_the_lane() -> None:
    found = step(ends={0: 300})
    assert isinstance(found, Stop)
    assert "partition 1" in found.reason


def test_a_partition_added_to_the_topic_is_read_from_its_start() -> None:
    key = planned(step(ends={0: 200, 1: 50, 2: 30}, log_starts={0: 0, 1: 0, 2: 4}))
    assert str(key) == "20270115T080000Z_0.200_1.50_2.4-30"
    assert key.follows(NEWEST)
