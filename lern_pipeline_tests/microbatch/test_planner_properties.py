"""Whatever arrives, fails and is added to the topic: the batches of a lane never overlap and never leave a gap."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.planner import (
    BatchStatus,
    LaneView,
    Limits,
    NewestBatch,
    PlanBatch,
    RequestRun,
    SetPosition,
    Stop,
    Wait,
    next_step,
)

pytestmark = pytest.mark.rules


@dataclass
class SimulatedLane:
    """A lane on a topic that grows; time passes by 100 seconds from look to look."""

    limits: Limits
    ends: dict[int, int]
    committed: dict[int, int]
    keys: list[MicroBatchKey] = field(default_factory=list)
    newest: NewestBatch | None = None
    now: float = 1_800_000_000.0
    waiting_since: float | None = None

    def look(self, outcome: BatchStatus, bytes_per_record: float | None) -> None:
        self.now += 100
        view = LaneView(
            now=self.now,
            newest=self.newest,
            log_starts=dict.fromkeys(self.ends, 0),
            log_ends=dict(self.ends),
            committed=self.committed,
            limits=self.limits,
            waiting_since=self.waiting_since,
            bytes_per_record=bytes_per_record,
        )
        step = next_step(view)
        # As the sensor remembers it.
        self.waiting_since = (self.waiting_since or self.now) if isinstance(step, Wait) and step.lag else None
        assert not isinstance(step, Stop)
        if isinstance(step, SetPosition):
            self.keys.append(step.key)
            self.newest = NewestBatch(step.key, BatchStatus.MATERIALISED)
        elif isinstance(step, PlanBatch):
            self.keys.append(step.key)
            self.newest = NewestBatch(step.key, outcome, attempts=1, failed_at=self.now)
        elif isinstance(step, RequestRun):
            assert step.key == self.keys[-1]
            self.newest = NewestBatch(step.key, outcome, attempts=step.attempt, failed_at=self.now)
        elif self.newest is not None and self.newest.status is BatchStatus.IN_PROGRESS:
            self.newest = NewestBatch(self.newest.key, outcome, attempts=self.newest.attempts, failed_at=self.now)


limits = st.builds(
    Limits,
    max_records=st.integers(1, 60),
    min_records=st.integers(1, 20),
    max_bytes=st.integers(1, 4000),
    max_wait_seconds=st.sampled_from([0.0, 50.0, 250.0]),
    backoff_seconds=st.sampled_from([0.0, 30.0]),
    offset_reset=st.sampled_from(["earliest", "latest"]),
)
rounds = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, 4), st.integers(0, 100), max_size=3),
        st.sampled_from(BatchStatus),
        st.sampled_from([None, 1.0, 40.0, 1e6]),
    ),
    max_size=40,
)


@given(limits, st.dictionaries(st.integers(0, 2), st.integers(0, 80), min_size=1), st.data(), rounds)
def test_successive_batches_neither_overlap_nor_leave_a_gap(
    limits: Limits, ends: dict[int, int], data: st.DataObject, rounds: list[tuple[dict[int, int], BatchStatus, float]]
) -> None:
    committed = data.draw(st.dictionaries(st.sampled_from(sorted(ends)), st.integers(0, 100)))
    lane = SimulatedLane(limits, dict(ends), committed)
    for arrivals, outcome, bytes_per_record in rounds:
        for partition, records in arrivals.items():
            # A partition that is not there yet is added to the topic.
            lane.ends[partition] = lane.ends.get(partition, 0) + records
        lane.look(outcome, bytes_per_record)
    covered: dict[int, int] = {}
    for index, key in enumerate(lane.keys):
        for range_ in key.ranges:
            # The first key sets the position; a partition seen later is read from its start.
            expected = covered.get(range_.partition, 0 if index else range_.start)
            assert range_.start == expected
            assert range_.end <= lane.ends[range_.partition]
            covered[range_.partition] = range_.end
        assert key.offsets <= limits.max_records
        assert key.is_position == (index == 0)


@given(limits, st.dictionaries(st.integers(0, 3), st.integers(0, 100), min_size=1))
@settings(max_examples=40)
def test_a_lane_whose_batches_succeed_reaches_the_end_of_its_topic(limits: Limits, ends: dict[int, int]) -> None:
    lane = SimulatedLane(limits, {**ends, 9: 1}, dict.fromkeys([*ends, 9], 0))
    lane.look(BatchStatus.MATERIALISED, None)
    # At most four looks to collect, and one batch per record at the worst.
    for _ in range(4 * (sum(ends.values()) + 5)):
        lane.look(BatchStatus.MATERIALISED, None)
    assert lane.keys[-1].ends == lane.ends
