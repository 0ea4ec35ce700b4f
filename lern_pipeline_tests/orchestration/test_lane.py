"""What a lane makes of the runs it finds, and what it writes into its ledger."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from lern_pipeline.errors import LaneStopped
from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER
from lern_pipeline.microbatch.planner import BatchStatus, PlanBatch, RequestRun, Stop, Wait
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.lane import LaneLook, LaneRun
from lern_pipeline.orchestration.worker_process import Worker
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline_tests.orchestration.installed import JOB, TOPIC, Installed, batch

pytestmark = pytest.mark.dagster

FIRST = batch(0, 5)


@pytest.fixture
def lane_at_5(installed: Installed) -> Installed:
    """The newest batch is 0.0-5; five more records wait."""
    installed.stand_at(0)
    installed.add(FIRST)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 10})
    return installed


def looked(installed: Installed, now: float | None = None) -> LaneLook:
    return installed.lane().advance(now=now)


# --- run states


@pytest.mark.parametrize(
    "status",
    [
        DagsterRunStatus.QUEUED,
        DagsterRunStatus.NOT_STARTED,
        DagsterRunStatus.STARTING,
        DagsterRunStatus.STARTED,
        DagsterRunStatus.CANCELING,
    ],
)
def test_a_run_that_has_not_ended_keeps_the_lane_waiting(lane_at_5: Installed, status: DagsterRunStatus) -> None:
    lane_at_5.create_run(FIRST, status)
    found = looked(lane_at_5)
    assert isinstance(found.step, Wait)
    assert found.lag == 5
    assert found.run is None


def test_a_key_without_a_run_is_adopted(lane_at_5: Installed) -> None:
    assert looked(lane_at_5).run == LaneRun(FIRST, 1)


def test_a_materialised_batch_lets_the_next_one_be_planned(lane_at_5: Installed) -> None:
    run = lane_at_5.create_run(FIRST)
    lane_at_5.report_materialised(FIRST)
    found = looked(lane_at_5)
    assert isinstance(found.step, PlanBatch)
    assert found.step.key.follows(FIRST)
    assert found.run == LaneRun(found.step.key, 1)
    assert run.status is DagsterRunStatus.STARTED


def test_a_failed_run_is_tried_again_after_its_pause(lane_at_5: Installed) -> None:
    lane_at_5.failed_run(FIRST)
    assert isinstance(looked(lane_at_5).step, Wait)
    assert looked(lane_at_5, now=time.time() + 31).run == LaneRun(FIRST, 2)


def test_a_cancelled_run_is_tried_again_too(lane_at_5: Installed) -> None:
    run = lane_at_5.create_run(FIRST)
    lane_at_5.instance.report_run_canceled(run)
    assert looked(lane_at_5, now=time.time() + 31).run == LaneRun(FIRST, 2)


def test_a_run_that_succeeded_without_materialising_is_no_success(lane_at_5: Installed) -> None:
    """Somebody ran only a check of the batch, or the process died between the two events."""
    lane_at_5.create_run(FIRST, DagsterRunStatus.SUCCESS)
    assert looked(lane_at_5, now=time.time() + 31).run == LaneRun(FIRST, 2)


def test_attempts_go_on_counting_where_only_the_newest_runs_are_looked_at(lane_at_5: Installed) -> None:
    """A run key that was seen before is swallowed by Dagster: the lane would stand still for ever."""
    for attempt in range(1, 56):
        lane_at_5.failed_run(FIRST, attempt)
    found = looked(lane_at_5, now=time.time() + 601)
    assert found.run == LaneRun(FIRST, 56)


def test_a_failed_run_behind_one_in_progress_waits(lane_at_5: Installed) -> None:
    lane_at_5.failed_run(FIRST)
    lane_at_5.create_run(FIRST, attempt=2)
    assert isinstance(looked(lane_at_5, now=time.time() + 3600).step, Wait)


def test_a_run_whose_process_is_dead_is_failed_and_tried_again(lane_at_5: Installed) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    worker = Worker.of_process(process.pid)
    run = lane_at_5.create_run(FIRST)
    lane_at_5.instance.add_run_tags(run.run_id, worker.tag(run.run_id))
    assert isinstance(looked(lane_at_5).step, Wait)
    process.communicate(b"\n")
    found = looked(lane_at_5)
    assert lane_at_5.instance.get_run_by_id(run.run_id).status is DagsterRunStatus.FAILURE  # type: ignore[union-attr]
    assert found.newest is not None
    assert found.newest.status is BatchStatus.FAILED
    assert looked(lane_at_5, now=time.time() + 31).run == LaneRun(FIRST, 2)


def test_a_run_of_another_machine_is_never_taken_for_dead(lane_at_5: Installed) -> None:
    run = lane_at_5.create_run(FIRST)
    lane_at_5.instance.add_run_tags(run.run_id, Worker("elsewhere", 1, "0").tag(run.run_id))
    assert isinstance(looked(lane_at_5).step, Wait)


def test_an_operator_skips_a_batch_by_reporting_its_materialisation(lane_at_5: Installed) -> None:
    lane_at_5.failed_run(FIRST)
    lane_at_5.report_materialised(FIRST)
    found = looked(lane_at_5)
    assert isinstance(found.step, PlanBatch)
    assert found.step.key.starts == {0: 5}


def test_runs_of_another_job_with_the_same_key_are_not_this_lanes(lane_at_5: Installed) -> None:
    lane_at_5.create_run(FIRST, job=RELATION_CACHE_UPDATER)
    assert looked(lane_at_5).run == LaneRun(FIRST, 1)


def test_run_keys_differ_by_attempt_batch_and_job() -> None:
    keys = {
        LaneRun(FIRST, 1).run_key(JOB),
        LaneRun(FIRST, 2).run_key(JOB),
        LaneRun(batch(5, 10), 1).run_key(JOB),
        LaneRun(FIRST, 1).run_key(RELATION_CACHE_UPDATER),
    }
    assert len(keys) == 4


# --- the ledger


def test_the_first_start_writes_a_position_that_counts_as_materialised(installed: Installed) -> None:
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 2, 1: 0}, {0: 10, 1: 4})
    installed.positions.committed_offsets = {0: 7}
    lane = installed.lane()
    assert lane.advance().run is None
    (key,) = lane.chain().keys
    assert key.ends == {0: 7, 1: 0}
    assert lane.is_materialised(key)
    following = lane.advance().run
    assert following is not None
    assert following.key.ends == {0: 10, 1: 4}


def test_committed_offsets_are_only_asked_for_on_the_first_start(installed: Installed) -> None:
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 10})
    installed.stand_at(3)
    installed.positions.committed_offsets = {0: 9}
    run = looked(installed).run
    assert run is not None
    assert run.key.starts == {0: 3}


def test_looking_without_carrying_out_changes_nothing(installed: Installed) -> None:
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 10})
    installed.lane().inspect()
    assert installed.lane().key_texts() == []


def test_a_topic_made_anew_stops_the_lane_until_it_is_rewound(installed: Installed) -> None:
    installed.stand_at(100)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 4})
    assert isinstance(looked(installed).step, Stop)
    installed.lane().set_position({0: 0})
    run = looked(installed).run
    assert run is not None
    assert run.key.ranges[0].start == 0
    assert run.key.ranges[0].end == 4


def test_a_lane_is_not_moved_under_a_running_batch(lane_at_5: Installed) -> None:
    lane_at_5.create_run(FIRST)
    with pytest.raises(LaneStopped, match="is running"):
        lane_at_5.lane().set_position({0: 0})
    assert lane_at_5.lane().chain().newest == FIRST


def test_the_size_of_the_last_batch_bounds_the_next(installed: Installed) -> None:
    installed.stand_at(0)
    installed.add(FIRST)
    installed.report_materialised(FIRST, events=5, record_bytes=5 * 30_000_000)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 900})
    run = looked(installed).run
    assert run is not None
    assert run.key.offsets == 2
    assert run.lag == 893


def test_a_stray_key_is_deleted_and_never_run(lane_at_5: Installed) -> None:
    lane_at_5.report_materialised(FIRST)
    stray = lane_at_5.add(batch(0, 7))
    assert looked(lane_at_5).run is not None
    assert str(stray) not in lane_at_5.lane().key_texts()


def test_the_newest_key_is_found_behind_many_others(installed: Installed) -> None:
    installed.stand_at(0)
    for start in range(40):
        installed.add(batch(start, start + 1))
    assert installed.lane().chain().newest == batch(39, 40)


def test_two_lanes_that_add_keys_at_once_agree_on_one(
    installed: Installed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = str(tmp_path_factory.mktemp("dagster"))
    with DagsterInstance.local_temp(home) as instance:
        installed.instance = instance
        installed.stand_at(0)
        # Each planner saw another end of the topic.
        wanted = [batch(0, end) for end in range(1, 7)]
        added: list[bool] = [False] * len(wanted)
        start = threading.Barrier(len(wanted))

        def add(index: int) -> None:
            start.wait()
            added[index] = installed.lane().add_key(wanted[index])

        threads = [threading.Thread(target=add, args=(index,)) for index in range(len(wanted))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        chain = installed.lane().chain_of_all()
        assert len(chain.keys) == 2
        assert [key for key, was_first in zip(wanted, added, strict=True) if was_first] == [chain.newest]


def test_a_home_has_one_ledger_for_all_its_processes(installed: Installed, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with DagsterInstance.local_temp(str(home)) as one, DagsterInstance.local_temp(str(home)) as other:
        assert installed.lane(instance=one).add_key(FIRST)
        assert installed.lane(instance=other).chain().newest == FIRST
        assert other.get_dynamic_partitions(names.partitions_name(RELATION_CACHE_UPDATER)) == []


def test_requesting_a_run_leaves_the_ledger_as_it_is(lane_at_5: Installed) -> None:
    before = list(lane_at_5.lane().key_texts())
    assert isinstance(looked(lane_at_5).step, RequestRun)
    assert list(lane_at_5.lane().key_texts()) == before


def test_the_pool_is_limited_before_its_first_run_is_requested(installed: Installed) -> None:
    start = installed.stand_at(0)
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 0}, {0: 10})
    assert JOB.pool is not None
    with DagsterInstance.ephemeral(settings={"concurrency": {"pools": {"default_limit": 1}}}) as instance:
        instance.add_dynamic_partitions(names.partitions_name(JOB), [str(start)])
        assert installed.lane(instance=instance).advance().run is not None
        limits = {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()}
    assert limits == {JOB.pool: 1}
