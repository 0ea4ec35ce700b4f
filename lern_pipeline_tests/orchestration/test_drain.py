"""Draining without a daemon: same planner, engine and instance, and never beside another driver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._daemon.types import DaemonHeartbeat

from lern_pipeline.errors import LaneStopped
from lern_pipeline.microbatch.planner import BatchStatus
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.drain import only_one, refuse_if_daemon_alive
from lern_pipeline.orchestration.lane import LaneRun
from lern_pipeline.orchestration.worker_process import WORKER_TAG, Worker
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import AGGREGATES, CONSUMPTION
from lern_pipeline_tests.microbatch.failing import FailingBroker, FailingRows
from lern_pipeline_tests.orchestration.installed import JOB, TOPIC, Installed

pytestmark = pytest.mark.dagster


def give_course(installed: Installed) -> None:
    relations = installed.world.caches.database("redis", 10)
    relations["do_9001:do_9001:leafnodes"] = frozenset({"do_r1", "do_r2"})
    relations["do_9001:do_r1:ancestors"] = frozenset({"unit_a", "do_9001"})
    relations["do_9001:unit_a:leafnodes"] = frozenset({"do_r1"})


def materialisations(instance: DagsterInstance, key: dg.AssetKey) -> list[Any]:
    records = instance.fetch_materializations(dg.AssetRecordsFilter(key), limit=20).records
    return [record.asset_materialization for record in records]


@pytest.fixture
def drained(installed: Installed) -> Installed:
    """One batch of a completion, another action and a record that cannot be read."""
    give_course(installed)
    installed.publish("u-ada")
    installed.publish("u-ada", action="other")
    installed.world.broker.append(b"{")
    report = installed.runner().drain()
    assert report.succeeded
    (batch,) = report.batches
    assert (batch.consumed, batch.processed, batch.skipped, batch.failed) == (3, 1, 1, 1)
    assert batch.status == "materialised"
    assert batch.reason is None
    return installed


def test_draining_runs_everything_that_waits(drained: Installed) -> None:
    assert len(drained.world.rows.rows(CONSUMPTION)) == 1
    assert len(drained.world.broker.published) == 3
    assert drained.world.broker.commits[-1][2] == {0: 3}


def test_draining_again_finds_nothing(drained: Installed) -> None:
    report = drained.runner().drain()
    assert report.succeeded
    assert report.batches == []
    assert report.waiting == 0


def test_a_materialisation_carries_what_people_plot(drained: Installed) -> None:
    newest = materialisations(drained.instance, names.asset_key(JOB))[0]
    found = {name: value.value for name, value in newest.metadata.items()}
    assert found["events"] == 3
    assert (found["processed"], found["skipped"], found["failed"]) == (1, 1, 1)
    assert found["rows_written"] == 3
    assert found["messages"] == 3
    assert found["keys_written"] == 1
    assert found["lag"] == 0
    assert found["plan"] == 1
    assert found["record_bytes"] > 0
    assert found["total-events-count"] == 3.0
    assert found["batch-enrolment-update-count"] == 1.0
    expected = {"seconds", "cpu_seconds", "events_per_second", "seconds_by_step", "db-read-count", "cache-miss-count"}
    assert expected <= found.keys()
    assert "| 0 | 0 | 3 |" in found["offsets"]
    reasons = {(record.data["outcome"], record.data["events"]) for record in newest.metadata["reasons"].records}
    assert reasons == {("skipped", 1), ("failed", 1)}


def test_stores_that_were_written_are_materialised_with_their_counts(drained: Installed) -> None:
    counted = {
        "/".join(key): [m.metadata["rows"].value for m in materialisations(drained.instance, dg.AssetKey(list(key)))]
        for key in [store.name for store in JOB.stores]
    }
    assert counted == {
        "cassandra/user_content_consumption": [1],
        "cassandra/user_activity_agg": [2],
        "cassandra/user_enrolments": [],
        "redis/completion_checksums": [1],
    }


def test_the_account_is_a_check_of_every_materialisation(drained: Installed) -> None:
    key = dg.AssetCheckKey(names.asset_key(JOB), names.EVENTS_ACCOUNTED_FOR)
    (record,) = drained.instance.event_log_storage.get_asset_check_execution_history(key, limit=5)
    evaluation = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    assert evaluation.passed
    assert evaluation.description == "3 consumed = 1 processed + 1 skipped + 1 failed"


def test_runs_carry_lane_attempt_and_the_process_that_worked(drained: Installed) -> None:
    (run,) = drained.instance.get_runs()
    assert run.tags[names.LANE_TAG] == JOB.name
    assert run.tags[names.ATTEMPT_TAG] == "1"
    assert Worker.of_run(run.run_id, run.tags) is not None


def test_a_rerun_recomputes_and_says_so(drained: Installed) -> None:
    before = drained.world.rows.state()
    newest = drained.lane().chain().newest
    assert newest is not None
    batch = drained.runner().run(JOB, LaneRun(newest, 1), rerun=True)
    assert batch.status == "materialised"
    assert batch.consumed == 3
    assert drained.world.rows.state() == before
    assert len(drained.world.broker.published) == 3
    metadata = materialisations(drained.instance, names.asset_key(JOB))[0].metadata
    assert metadata["rerun"].value is True
    assert metadata["plan"].value == 2


def test_a_second_run_of_the_same_attempt_is_no_rerun(drained: Installed) -> None:
    """Two planners may request one run twice; the second must find nothing to do."""
    newest = drained.lane().chain().newest
    assert newest is not None
    drained.runner().run(JOB, LaneRun(newest, 1))
    assert materialisations(drained.instance, names.asset_key(JOB))[0].metadata["plan"].value == 1


# --- failures


def test_a_failed_batch_is_reported_with_its_reason_and_what_waits_behind_it(installed: Installed) -> None:
    give_course(installed)
    world = installed.world
    world.rows = rows = FailingRows(world.journal)
    rows.reads_fail = True
    installed.config_file.write_text(installed.config_file.read_text() + "microbatch.max.records: 2\n")
    for _ in range(5):
        installed.publish()
    report = installed.runner().drain()
    assert not report.succeeded
    (batch,) = report.batches
    assert batch.status == "failed"
    assert batch.reason == "Cassandra at cassandra:9042 is not available: no host answers"
    assert report.waiting == 3
    assert rows.rows(AGGREGATES) == []
    # Once the store is back the same batch is run again, without a pause.
    rows.reads_fail = False
    again = installed.runner().drain()
    assert again.succeeded
    assert [one.consumed for one in again.batches] == [2, 2, 1]
    assert again.batches[0].partition_key == batch.partition_key
    assert installed.instance.get_runs()[-2].tags[names.ATTEMPT_TAG] == "2"


def test_records_that_are_gone_are_said_to_be_gone(installed: Installed) -> None:
    give_course(installed)
    installed.publish()
    installed.world.broker = broker = FailingBroker(installed.world.journal)
    broker.log_starts = {0: 1}
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 1})
    (batch,) = installed.runner().drain().batches
    assert batch.status == "failed"
    assert batch.reason is not None
    assert "cannot be run again" in batch.reason


def test_a_topic_made_anew_is_a_stop_and_no_batch(installed: Installed) -> None:
    installed.stand_at(100)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 1})
    report = installed.runner().drain()
    assert report.batches == []
    (line,) = report.stopped
    assert "made anew" in line
    assert not report.succeeded


def test_an_outage_of_kafka_is_a_stop_that_names_the_address(installed: Installed) -> None:
    installed.positions.outage = "no broker answers"
    report = installed.runner().drain()
    assert report.stopped == [f"{JOB.name}: Kafka at kafka:9092 is not available: no broker answers"]


# --- never beside another driver


def test_a_batch_that_runs_elsewhere_is_left_alone(installed: Installed) -> None:
    give_course(installed)
    installed.publish()
    key = installed.lane()
    key.advance()
    planned = key.advance().run
    assert planned is not None
    run = installed.create_run(planned.key)
    installed.instance.add_run_tags(run.run_id, Worker("elsewhere", 1, "0").tag(run.run_id))
    report = installed.runner().drain()
    assert report.batches == []
    assert "is running elsewhere" in report.stopped[0]


def test_a_run_that_a_daemon_queued_and_nobody_started_is_given_up(installed: Installed) -> None:
    give_course(installed)
    installed.publish()
    lane = installed.lane()
    lane.advance()
    planned = lane.advance().run
    assert planned is not None
    run = installed.create_run(planned.key, DagsterRunStatus.QUEUED)
    report = installed.runner().drain()
    assert report.succeeded
    assert len(report.batches) == 1
    assert installed.instance.get_run_by_id(run.run_id).status is DagsterRunStatus.CANCELED  # type: ignore[union-attr]


def test_a_drain_that_was_killed_at_any_moment_is_known_to_be_dead(installed: Installed) -> None:
    """Its run names the process before the batch's own code begins."""
    give_course(installed)
    installed.publish()
    tags: list[dict[str, str]] = []
    create = installed.instance.create_run_for_job

    def remember(*arguments: Any, **named: Any) -> Any:
        run = create(*arguments, **named)
        tags.append(dict(run.tags))
        return run

    installed.instance.create_run_for_job = remember  # type: ignore[method-assign]
    installed.runner().drain()
    assert WORKER_TAG in tags[0]


def heartbeat(instance: DagsterInstance, seconds_ago: float) -> None:
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - seconds_ago, "SENSOR", "id", []))


@pytest.fixture
def at_home(tmp_path: Path) -> Iterator[DagsterInstance]:
    """An instance that daemons can work on."""
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def test_drain_refuses_while_a_daemon_is_alive(at_home: DagsterInstance) -> None:
    heartbeat(at_home, 5)
    with pytest.raises(LaneStopped, match="daemon is alive"):
        refuse_if_daemon_alive(at_home)


def test_a_daemon_that_has_been_silent_is_gone(at_home: DagsterInstance) -> None:
    heartbeat(at_home, 60)
    refuse_if_daemon_alive(at_home)


def test_only_one_command_at_a_time_drives_an_instance(tmp_path: Path) -> None:
    with DagsterInstance.local_temp(str(tmp_path)) as one, DagsterInstance.local_temp(str(tmp_path)) as other:
        with only_one(one), pytest.raises(LaneStopped, match="another drain or rerun is at work"), only_one(other):
            pytest.fail("two at once")
        with only_one(other):
            pass


def test_the_newest_batch_of_a_drained_lane_is_materialised(drained: Installed) -> None:
    newest = drained.lane().newest()
    assert newest is not None
    assert newest.status is BatchStatus.MATERIALISED
