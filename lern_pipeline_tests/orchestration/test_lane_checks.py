"""When the lane's checks are red, and how red."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.plan import Account, Plan
from lern_pipeline.microbatch.planner import BatchStatus, NewestBatch, Stop, Wait
from lern_pipeline.microbatch.run import BatchResult
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.batch_asset import events_accounted_for
from lern_pipeline.orchestration.lane import LaneLook
from lern_pipeline.orchestration.lane_checks import lag_within_limit, lane_health
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline.settings import JobSettings
from lern_pipeline_tests.orchestration.installed import JOB, TOPIC, Installed, batch

pytestmark = pytest.mark.dagster

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@pytest.fixture
def settings(installed: Installed) -> JobSettings:
    return installed.resource.settings(JOB)


def look(step: Any, status: BatchStatus | None = None, attempts: int = 0) -> LaneLook:
    newest = None if status is None else NewestBatch(batch(0, 5), status, attempts, 0.0)
    return LaneLook(step, newest, TopicOffsets({}, {}))


@pytest.mark.parametrize("status", [BatchStatus.MATERIALISED, BatchStatus.IN_PROGRESS, BatchStatus.NOT_REQUESTED, None])
def test_a_lane_that_goes_is_healthy(settings: JobSettings, status: BatchStatus | None) -> None:
    assert lane_health(look(Wait("x"), status, 1), settings).passed


@pytest.mark.parametrize(("attempts", "severity"), [(1, WARN), (2, WARN), (3, ERROR), (40, ERROR)])
def test_a_failed_batch_is_a_warning_until_its_attempts_are_used_up(
    settings: JobSettings, attempts: int, severity: dg.AssetCheckSeverity
) -> None:
    health = lane_health(look(Wait("x"), BatchStatus.FAILED, attempts), settings)
    assert not health.passed
    assert health.severity is severity
    assert str(attempts) in health.description


def test_a_lane_that_needs_an_operator_is_an_error_that_says_why(settings: JobSettings) -> None:
    health = lane_health(look(Stop("the topic was made anew"), BatchStatus.MATERIALISED), settings)
    assert (health.passed, health.severity, health.description) == (False, ERROR, "the topic was made anew")


def test_a_kafka_that_does_not_answer_is_a_warning(settings: JobSettings) -> None:
    health = lane_health(ServiceUnavailable("Kafka", "kafka:9092", "silence"), settings)
    assert (health.passed, health.severity) == (False, WARN)
    assert "kafka:9092" in health.description


@pytest.mark.parametrize(("lag", "passed"), [(0, True), (50_000, True), (50_001, False)])
def test_more_waiting_than_one_batch_takes_is_a_lag(settings: JobSettings, lag: int, passed: bool) -> None:
    assert lag_within_limit(lag, settings).passed is passed


@pytest.mark.parametrize("processed", [1, 2])
def test_the_account_of_a_batch_is_its_check(processed: int) -> None:
    plan = Plan("j", "k", 1, 0, Account(4, processed, {"other action": 1}, {"not JSON": 1}))
    result = events_accounted_for(JOB, BatchResult(plan))
    assert result.passed is (processed == 2)
    assert result.check_name == names.EVENTS_ACCOUNTED_FOR


# --- run on demand


def checked(installed: Installed) -> dict[str, dg.AssetCheckEvaluation]:
    key = names.asset_key(JOB)
    wanted = dg.AssetSelection.checks(*(dg.AssetCheckKey(key, name) for name in (names.LANE_HEALTH, names.LAG)))
    job = dg.define_asset_job("checks_on_demand", selection=wanted)
    definitions = dg.Definitions.merge(installed.definitions, dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("checks_on_demand").execute_in_process(instance=installed.instance)
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def test_an_operator_may_look_without_moving_anything(installed: Installed) -> None:
    installed.stand_at(0)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 60_001})
    before = list(installed.lane().key_texts())
    found = checked(installed)
    assert found[names.LANE_HEALTH].passed
    assert list(installed.lane().key_texts()) == before
    # What one batch takes is not lag: the rest of 60,001 fits into a second one.
    assert found[names.LAG].passed


def test_a_lane_that_does_not_keep_up_is_seen_on_demand(installed: Installed) -> None:
    installed.stand_at(0)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 100_001})
    assert not checked(installed)[names.LAG].passed


def test_an_outage_is_a_result_on_demand_and_no_failed_run(installed: Installed) -> None:
    installed.positions.outage = "no broker answers"
    found = checked(installed)
    assert not found[names.LANE_HEALTH].passed
    assert not found[names.LAG].passed
