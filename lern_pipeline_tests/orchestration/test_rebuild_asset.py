"""The rebuild in Dagster: partitions, pool, runs of several partitions, metadata, going on, and the schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.definitions.run_request import RunRequest

from lern_pipeline.jobs.course_progress.wiring import LEARNER_ROWS
from lern_pipeline.orchestration import names, rebuild_names
from lern_pipeline.orchestration.course_batches import add_course_batches, requests_for
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import (
    AGGREGATES,
    CERTIFICATES,
    CONSUMPTION,
    ENROLMENTS,
)
from lern_pipeline_tests.microbatch.failing import FailingBroker
from lern_pipeline_tests.orchestration.installed import JOB, Installed, install

pytestmark = pytest.mark.dagster

COURSE_BATCH = "sunbird_courses.course_batch"
KEYS = ["do_9001:B-501", "do_9001:B-502", "do_9001:B%2E503"]


@pytest.fixture
def batches(installed: Installed) -> Installed:
    return with_batches(installed)


def with_batches(installed: Installed) -> Installed:
    """Three batches of a course, a learner in each who has done all, of which nobody took notice."""
    relations = installed.world.caches.database("redis", 10)
    relations["do_9001:do_9001:leafnodes"] = frozenset({"do_r1"})
    relations["do_9001:do_r1:ancestors"] = frozenset({"do_9001"})
    rows = installed.world.rows
    for number, batch in enumerate(("B-501", "B-502", "B.503")):
        key = {"userid": f"u-{number}", "courseid": "do_9001", "batchid": batch}
        rows.give(COURSE_BATCH, {"courseid": "do_9001", "batchid": batch}, {"status": 1})
        rows.give(ENROLMENTS, key, {"status": 0})
        rows.give(CONSUMPTION, key | {"contentid": "do_r1"}, {"status": 2})
    rows.give(COURSE_BATCH, {"courseid": "do_9001", "batchid": " "}, {"status": 1})
    add_course_batches(installed.instance, installed.resource)
    return installed


def run(installed: Installed, *keys: str, tags: dict[str, str] | None = None, **config: Any) -> Any:
    """A run of neighbouring partitions."""
    if len(keys) > 1:
        (request,) = requests_for(keys, "now")
        tags = (tags or {}) | dict(request.tags)
    return installed.definitions.resolve_job_def(rebuild_names.JOB).execute_in_process(
        instance=installed.instance,
        partition_key=keys[0] if len(keys) == 1 else None,
        tags=tags,
        run_config={"ops": {rebuild_names.ASSET.to_python_identifier(): {"config": config}}},
        raise_on_error=False,
    )


def metadata(result: Any) -> dict[str, dict[str, Any]]:
    """Partition → metadata of the rebuild's materialisations."""
    found = [event.materialization for event in result.get_asset_materialization_events()]
    return {
        one.partition: {name: value.value for name, value in one.metadata.items()}
        for one in found
        if one.asset_key == rebuild_names.ASSET
    }


def certificates(installed: Installed) -> int:
    return len([message for message in installed.world.broker.published if message.topic == CERTIFICATES])


def test_every_course_batch_becomes_a_partition_once(batches: Installed) -> None:
    assert batches.instance.get_dynamic_partitions(rebuild_names.PARTITIONS) == KEYS
    assert add_course_batches(batches.instance, batches.resource) == 0


def test_the_job_that_finds_them_says_how_many_are_new(installed: Installed) -> None:
    installed.world.rows.give(COURSE_BATCH, {"courseid": "do_1", "batchid": "B"}, {"status": 1})
    job = installed.definitions.resolve_job_def(rebuild_names.FIND_JOB)
    assert job.execute_in_process(instance=installed.instance).success
    assert installed.instance.get_dynamic_partitions(rebuild_names.PARTITIONS) == ["do_1:B"]


def test_it_shares_the_pool_of_the_jobs_that_write_the_same_rows(installed: Installed) -> None:
    graph = installed.definitions.get_repository_def().asset_graph
    assert graph.get(rebuild_names.ASSET).pools == graph.get(names.asset_key(JOB)).pools == {LEARNER_ROWS}


def test_a_run_of_one_partition(batches: Installed) -> None:
    result = run(batches, KEYS[2])
    assert result.success
    (found,) = metadata(result).values()
    assert found["dry_run"] is False
    assert (found["learners"], found["learners_differed"], found["completed_newly"]) == (1, 1, 1)
    assert found["rows_written"] == 2
    assert found["rows_changed"] == {"user_activity_agg": 1, "user_enrolments": 1}
    assert found["seconds"] >= 0
    assert "changes" not in found
    assert [row["user_id"] for row in batches.world.rows.rows(AGGREGATES)] == ["u-2"]


def test_a_run_of_several_partitions_looks_for_learners_once(batches: Installed) -> None:
    result = run(batches, *KEYS)
    assert [found["learners"] for _, found in sorted(metadata(result).items())] == [1, 1, 1]
    assert batches.world.rows.scans[ENROLMENTS] == 1
    assert certificates(batches) == 3


def test_what_was_written_is_told_of_tables_and_topics(batches: Installed) -> None:
    result = run(batches, KEYS[0])
    keys = {event.materialization.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert keys == {
        "activity_aggregates_rebuild",
        "cassandra/user_activity_agg",
        "cassandra/user_enrolments",
        "kafka/telemetry_raw",
        "kafka/issue_certificate_request",
    }


def test_a_dry_run_says_what_would_change_and_changes_nothing(batches: Installed) -> None:
    before = batches.world.rows.state()
    result = run(batches, KEYS[0], dry_run=True)
    ((key, found),) = metadata(result).items()
    assert key == KEYS[0]
    assert found["dry_run"] is True
    assert (found["learners_differed"], found["rows_written"]) == (1, 0)
    assert found["rows_changed"] == {"user_activity_agg": 1, "user_enrolments": 1}
    columns = [record.data["column"] for record in found["changes"].records]
    assert columns == ["aggregates[completedCount]", "status", "progress", "contentstatus"]
    assert len(result.get_asset_materialization_events()) == 1
    assert batches.world.rows.state() == before
    assert batches.world.broker.published == []


def test_only_the_named_learners(batches: Installed) -> None:
    (found,) = metadata(run(batches, KEYS[0], users=["u-1"])).values()
    assert (found["learners"], found["learners_differed"]) == (1, 0)
    assert [record.data for record in found["left_out"].records] == [{"reason": "not enrolled", "learners": 1}]


def test_a_failed_run_says_why_in_one_line_and_its_re_execution_goes_on(batches: Installed) -> None:
    world = batches.world
    broker = world.broker = FailingBroker(world.journal)
    broker.messages_before_failure = 1
    failed = run(batches, *KEYS)
    assert not failed.success
    assert metadata(failed) == {}
    broker.messages_before_failure = None
    parent = {"dagster/parent_run_id": failed.run_id, "dagster/root_run_id": failed.run_id}
    again = batches.definitions.resolve_job_def(rebuild_names.JOB)
    result = _re_execution(batches, again, failed, parent)
    assert [found["completed_newly"] for _, found in sorted(metadata(result).items())] == [1, 1, 1]
    assert metadata(result)[KEYS[0]]["went_on"] is True
    assert world.rows.scans[ENROLMENTS] == 1
    assert len({message.id for message in broker.published if message.topic == CERTIFICATES}) == 3


def _re_execution(batches: Installed, job: Any, failed: Any, tags: dict[str, str]) -> Any:
    before = batches.instance.get_run_by_id(failed.run_id)
    assert before is not None
    return job.execute_in_process(
        instance=batches.instance, tags={**before.tags, **tags}, run_config=before.run_config, raise_on_error=False
    )


def test_a_key_that_is_no_course_batch_fails_with_one_line(batches: Installed) -> None:
    batches.instance.add_dynamic_partitions(rebuild_names.PARTITIONS, ["nothing"])
    result = run(batches, "nothing")
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "is not a course batch's key" in failure.step_failure_data.user_failure_data.description


def test_the_schedule_asks_for_every_course_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild_names, "PARTITIONS_PER_RUN", 2)
    # A schedule opens its instance anew, so it must be one that lasts.
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        _the_schedule_asks_for_every_course_batch(with_batches(install(instance, tmp_path, monkeypatch)))


def _the_schedule_asks_for_every_course_batch(batches: Installed) -> None:
    repository = batches.definitions.get_repository_def()
    schedule = repository.get_schedule_def(rebuild_names.ALL_SCHEDULE)
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    with dg.build_schedule_context(
        instance=batches.instance, repository_def=repository, scheduled_execution_time=datetime(2027, 1, 2, tzinfo=UTC)
    ) as context:
        requests = schedule.evaluate_tick(context).run_requests
    assert requests is not None
    job = batches.definitions.resolve_job_def(rebuild_names.JOB)
    done = [key for request in requests for key in metadata(_requested(batches.instance, job, request))]
    assert sorted(done) == sorted(KEYS)
    assert len(requests) == 2


def _requested(instance: DagsterInstance, job: Any, request: RunRequest) -> Any:
    return job.execute_in_process(instance=instance, tags=dict(request.tags), run_config=request.run_config)


def test_without_any_course_batch_nothing_is_asked_for() -> None:
    assert list(requests_for([], "now")) == []
