"""How far program_enrollment is behind its topic, as the check tells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from lern_pipeline.jobs.program_user_info.job import PROGRAM_USER_INFO as JOB
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.table_lag import TableLag
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.completeness_check import completeness_schedule
from lern_pipeline.orchestration.table_lag_check import check_key, check_result
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline_tests.orchestration.installed import Installed

pytestmark = pytest.mark.dagster


@pytest.fixture
def programs(installed: Installed) -> Installed:
    """Four documents on the topic; the first two are a batch."""
    for _ in range(4):
        installed.world.broker.append(b"{}")
    topic = JOB.input_topic(installed.resource.settings(JOB))
    installed.positions.offsets_by_topic[topic] = TopicOffsets({0: 0}, {0: 4})
    return installed


def planned(programs: Installed, materialised: bool) -> None:
    key = MicroBatchKey.of(datetime(2027, 1, 1, tzinfo=UTC), [OffsetRange(0, 0, 2)])
    programs.instance.add_dynamic_partitions(names.partitions_name(JOB), [str(key)])
    if materialised:
        event = dg.AssetMaterialization(names.asset_key(JOB), partition=str(key))
        programs.instance.report_runless_asset_event(event)


def checked(programs: Installed) -> Any:
    selection = dg.AssetSelection.checks(check_key(JOB))
    job = dg.define_asset_job("lag_on_demand", selection=selection)
    definitions = dg.Definitions.merge(programs.definitions, dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("lag_on_demand").execute_in_process(instance=programs.instance)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def figures(evaluation: Any) -> tuple[Any, Any]:
    return tuple(evaluation.metadata[name].value for name in ("waiting", "lag_seconds"))  # type: ignore[return-value]


def test_events_that_have_waited_too_long_are_a_warning(programs: Installed) -> None:
    planned(programs, materialised=True)
    found = checked(programs)
    assert figures(found) == (2, 0.002)
    # They are of 2023.
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN


def test_a_batch_that_is_not_done_has_not_come_into_the_table(programs: Installed) -> None:
    planned(programs, materialised=False)
    found = checked(programs)
    assert found.metadata["waiting"].value == 4
    assert "lag_seconds" not in found.metadata


def test_a_lane_that_has_not_begun_and_a_kafka_that_is_down(programs: Installed) -> None:
    assert checked(programs).passed
    programs.positions.outage = "no broker answers"
    down = checked(programs)
    assert not down.passed
    assert "no broker answers" in down.description


@pytest.mark.parametrize(("waited", "passed"), [(599, True), (601, False)])
def test_what_counts_is_how_long_events_wait(waited: int, passed: bool) -> None:
    """Not how old the newest in the table is: where events are rare, it may be of yesterday."""
    lag = TableLag(1, newest_on_topic=86_400_000, newest_applied=0, oldest_waiting=86_400_000)
    assert check_result(lag, 86_400_000 + waited * 1000, 600).passed is passed


def test_it_is_made_hourly_with_the_checks_of_lanes(installed: Installed) -> None:
    job, _ = completeness_schedule((JOB,), [check_key(JOB)])
    assert check_key(JOB) in job.selection.resolve_checks(installed.definitions.get_repository_def().asset_graph)
