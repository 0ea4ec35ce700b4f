"""A tick that stays: what it waits for, what ends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dagster import DagsterRunStatus

from lern_pipeline.microbatch.planner import PlanBatch, SetPosition, Wait
from lern_pipeline.orchestration import lookout
from lern_pipeline.orchestration.lookout import LOOK_SECONDS, Lookout
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline_tests.orchestration.installed import TOPIC, Installed, batch

pytestmark = pytest.mark.dagster


class Clock:
    """Time passes only where somebody sleeps; ``events``: what happens after so many sleeps."""

    def __init__(self, events: dict[int, Callable[[], object]] | None = None) -> None:
        self.now = 0.0
        self.sleeps = 0
        self._events = events or {}

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps += 1
        self._events.get(self.sleeps, lambda: None)()

    def lookout(self, seconds: float = 10.0) -> Lookout:
        return Lookout(seconds, lambda: self.now, self.sleep)


@pytest.fixture
def idle(installed: Installed) -> Installed:
    """The lane stands at the topic's end."""
    installed.stand_at(10)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 10})
    return installed


def test_an_idle_lane_is_looked_at_for_the_whole_time_and_no_longer(idle: Installed) -> None:
    clock = Clock()
    look = clock.lookout().advance(idle.lane(), None)
    assert isinstance(look.step, Wait)
    assert clock.now == 10.0


def test_records_that_arrive_are_planned_with_the_next_look(idle: Installed) -> None:
    def arrive() -> None:
        idle.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 13})

    clock = Clock({3: arrive})
    look = clock.lookout().advance(idle.lane(), None)
    assert isinstance(look.step, PlanBatch)
    assert look.run is not None
    assert look.run.key.ends == {0: 13}
    assert clock.sleeps == 3


def test_the_batch_after_a_running_one_is_planned_when_that_has_ended(idle: Installed) -> None:
    key = idle.add(batch(10, 12))
    idle.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 15})
    idle.create_run(key, DagsterRunStatus.STARTED)
    clock = Clock({4: lambda: idle.report_materialised(key)})
    look = clock.lookout().advance(idle.lane(), None)
    assert look.run is not None
    assert look.run.key.ends == {0: 15}
    assert clock.sleeps == 4


def test_a_batch_that_failed_ends_the_look(idle: Installed) -> None:
    key = idle.add(batch(10, 12))
    run = idle.create_run(key, DagsterRunStatus.STARTED)
    clock = Clock({2: lambda: idle.instance.report_run_failed(run, "the store was down")})
    look = clock.lookout().advance(idle.lane(), None)
    assert isinstance(look.step, Wait)
    assert "failed" in look.step.reason
    assert clock.sleeps == 2


def test_a_topic_that_is_not_there_is_looked_for_now_and_then(installed: Installed) -> None:
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({}, {})
    clock = Clock()
    look = clock.lookout(20.0).advance(installed.lane(), None)
    assert isinstance(look.step, Wait)
    assert (clock.now, clock.sleeps) == (20.0, 4)


def test_a_topic_that_appears_gets_its_position_with_the_next_look(installed: Installed) -> None:
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({}, {})

    def appear() -> None:
        installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 0})

    clock = Clock({2: appear})
    look = clock.lookout(20.0).advance(installed.lane(), None)
    assert isinstance(look.step, SetPosition)
    assert clock.sleeps == 2


def test_without_time_it_is_one_look(idle: Installed) -> None:
    clock = Clock()
    clock.lookout(0).advance(idle.lane(), None)
    assert clock.sleeps == 0


def test_an_outage_during_the_look_is_raised(idle: Installed) -> None:
    def go_down() -> None:
        idle.positions.outage = "no broker answers"

    clock = Clock({2: go_down})
    with pytest.raises(Exception, match="no broker answers"):
        clock.lookout().advance(idle.lane(), None)


def test_when_all_places_are_taken_it_is_one_look(idle: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        @staticmethod
        def acquire(blocking: bool) -> bool:
            assert not blocking
            return False

    monkeypatch.setattr(lookout, "_places", Full())
    clock = Clock()
    clock.lookout().advance(idle.lane(), None)
    assert clock.sleeps == 0


def test_a_place_is_given_back(idle: Installed) -> None:
    for _ in range(40):
        clock = Clock()
        clock.lookout(LOOK_SECONDS).advance(idle.lane(), None)
        assert clock.sleeps == 1
