"""One tick of a lane's sensor: what it requests, what it says, what it remembers."""

from __future__ import annotations

import time
from typing import Any

import dagster as dg
import msgspec
import pytest
from dagster import DagsterRunStatus
from dagster._core.storage.tags import MAX_RUNTIME_SECONDS_TAG

from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.lane_sensor import Memory, tick
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline_tests.orchestration.installed import JOB, TOPIC, Installed, batch

pytestmark = pytest.mark.dagster


def ticked(installed: Installed, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=installed.instance, cursor=cursor)
    return tick(JOB, context, installed.resource)


def remembered(result: dg.SensorResult) -> Memory:
    assert result.cursor is not None
    return msgspec.json.decode(result.cursor, type=Memory)


def skip_message(result: dg.SensorResult) -> str:
    reason = result.skip_reason
    assert isinstance(reason, dg.SkipReason)
    return reason.skip_message or ""


def evaluations(result: dg.SensorResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {event.check_name: event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation)}


@pytest.fixture
def waiting(installed: Installed) -> Installed:
    """The lane stands at 0, ten records wait."""
    installed.stand_at(0)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 10})
    return installed


def test_a_tick_requests_the_run_of_the_batch_that_it_planned(waiting: Installed) -> None:
    (request,) = ticked(waiting).run_requests or ()
    newest = waiting.lane().chain().newest
    assert newest is not None
    assert newest.ends == {0: 10}
    assert request.partition_key == str(newest)
    assert request.run_key == f"{JOB.name}:{newest}#1"
    assert request.tags[names.LANE_TAG] == JOB.name
    assert request.tags[names.ATTEMPT_TAG] == "1"


@pytest.mark.parametrize(("milliseconds", "seconds"), [(None, "600"), ("90000", "90"), ("1500", "2"), ("1", "1")])
def test_a_run_may_take_as_long_as_the_setting_says(waiting: Installed, milliseconds: str | None, seconds: str) -> None:
    if milliseconds is not None:
        with waiting.config_file.open("a") as file:
            file.write(f"task.checkpointing.timeout: {milliseconds}\n")
    (request,) = ticked(waiting).run_requests or ()
    assert request.tags[MAX_RUNTIME_SECONDS_TAG] == seconds


def test_a_tick_that_died_before_its_request_arrived_is_made_good_by_the_next(waiting: Installed) -> None:
    (lost,) = ticked(waiting).run_requests or ()
    (again,) = ticked(waiting).run_requests or ()
    assert (again.run_key, again.partition_key) == (lost.run_key, lost.partition_key)


def test_ticks_while_a_batch_runs_request_nothing(waiting: Installed) -> None:
    (request,) = ticked(waiting).run_requests or ()
    newest = waiting.lane().chain().newest
    assert newest is not None
    waiting.create_run(newest, DagsterRunStatus.QUEUED)
    for _ in range(3):
        result = ticked(waiting)
        assert not result.run_requests
        assert request.partition_key is not None
        assert request.partition_key in skip_message(result)


def test_the_first_tick_sets_the_position_and_the_second_plans(installed: Installed) -> None:
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 10})
    first = ticked(installed)
    assert not first.run_requests
    (request,) = ticked(installed, first.cursor).run_requests or ()
    assert request.run_key is not None
    assert request.run_key.endswith("_0.0-10#1")


def test_a_topic_that_does_not_exist_yet_is_no_error(installed: Installed) -> None:
    assert "does not exist" in skip_message(ticked(installed))


def test_a_topic_made_anew_is_said_and_turns_the_lane_red(installed: Installed) -> None:
    installed.stand_at(100)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 10})
    result = ticked(installed)
    assert "made anew" in skip_message(result)
    health = evaluations(result)[names.LANE_HEALTH]
    assert not health.passed
    assert health.severity is dg.AssetCheckSeverity.ERROR


def test_an_outage_of_kafka_is_said_and_the_tick_ends_well(waiting: Installed) -> None:
    waiting.positions.outage = "no broker answers"
    result = ticked(waiting)
    assert skip_message(result) == "Kafka at kafka:9092 is not available: no broker answers"
    assert not evaluations(result)[names.LANE_HEALTH].passed
    # Said once, not three times a minute.
    assert not ticked(waiting, result.cursor).asset_events


def test_an_outage_that_is_over_is_said_too(waiting: Installed) -> None:
    waiting.positions.outage = "no broker answers"
    during = ticked(waiting)
    waiting.positions.outage = None
    assert evaluations(ticked(waiting, during.cursor))[names.LANE_HEALTH].passed


def test_the_topic_is_observed_with_its_end_and_the_lag(waiting: Installed) -> None:
    (observation,) = [e for e in ticked(waiting).asset_events if isinstance(e, dg.AssetObservation)]
    assert observation.asset_key == dg.AssetKey(["kafka", "coursebatch_job_request"])
    assert observation.metadata["end_offset"].value == 10
    assert observation.metadata[f"lag_{JOB.asset_name}"].value == 10


def test_nothing_is_reported_where_nothing_has_changed(waiting: Installed) -> None:
    waiting.add(batch(0, 10))
    waiting.report_materialised(batch(0, 10))
    first = ticked(waiting)
    assert first.asset_events
    second = ticked(waiting, first.cursor)
    assert not second.asset_events
    assert second.cursor == first.cursor


def test_now_and_then_it_is_reported_all_the_same(waiting: Installed) -> None:
    waiting.add(batch(0, 10))
    waiting.report_materialised(batch(0, 10))
    memory = remembered(ticked(waiting))
    memory.reported_at -= 301
    assert ticked(waiting, msgspec.json.encode(memory).decode()).asset_events


def test_a_cursor_that_cannot_be_read_costs_nothing_but_a_pause(waiting: Installed) -> None:
    assert ticked(waiting, "from another version").run_requests


# --- collecting


@pytest.fixture
def collecting(waiting: Installed) -> Installed:
    waiting.config_file.write_text(
        waiting.config_file.read_text() + "microbatch.max.wait.seconds: 60\nmicrobatch.min.records: 100\n"
    )
    return waiting


def test_few_records_wait_and_the_tick_remembers_since_when(collecting: Installed) -> None:
    before = time.time()
    result = ticked(collecting)
    assert not result.run_requests
    assert "collecting" in skip_message(result)
    since = remembered(result).waiting_since
    assert since is not None
    assert before <= since
    assert remembered(ticked(collecting, result.cursor)).waiting_since == since


def test_records_that_have_waited_long_enough_are_planned(collecting: Installed) -> None:
    memory = remembered(ticked(collecting))
    assert memory.waiting_since is not None
    memory.waiting_since -= 61
    result = ticked(collecting, msgspec.json.encode(memory).decode())
    assert result.run_requests
    assert remembered(result).waiting_since is None


def test_the_sensor_itself_is_this_tick(waiting: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor: Any = waiting.definitions.resolve_sensor_def(names.sensor_name(JOB))
    result = sensor(dg.build_sensor_context(instance=waiting.instance))
    assert isinstance(result, dg.SensorResult)
    assert result.run_requests
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
