"""Jobs that read and write the same learner rows, all with batches waiting: under a daemon one runs at a time."""

from __future__ import annotations

import uuid
from itertools import pairwise
from pathlib import Path

import pytest
from dagster import DagsterRunStatus, RunRecord, RunsFilter

from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.jobs.course_progress.wiring import LEARNER_ROWS
from lern_pipeline.orchestration import names
from lern_pipeline_tests.conftest import RunningStack
from lern_pipeline_tests.faults.job_world import JobWorld
from lern_pipeline_tests.faults.lane_daemon import LaneDaemon, Watched, make_home, processes_of, watched
from lern_pipeline_tests.faults.worlds import WORLDS

pytestmark = pytest.mark.faults

EVENTS = 12
BATCH_SIZE = 10


def test_jobs_that_share_learner_rows_never_run_at_the_same_time(local_stack: RunningStack, tmp_path: Path) -> None:
    kinds = [kind for kind in WORLDS.values() if kind.job.pool == LEARNER_ROWS]
    assert {kind.job.name for kind in kinds} == {job.name for job in ALL_JOBS if job.pool == LEARNER_ROWS}
    token = f"w{uuid.uuid4().hex[:8]}"
    worlds = [kind(local_stack.addresses, tmp_path, EVENTS, BATCH_SIZE, token) for kind in kinds]
    for world in worlds:
        world.publish(0, EVENTS)
    make_home(worlds[0])
    daemon = LaneDaemon(worlds[0])
    try:
        with watched(worlds[0]) as first:
            lanes = [Watched(world, first.instance) for world in worlds]
            # Merges come last and are looked at first: what they tell of goes to the first job.
            first.wait("all backlogs are done", lambda: all(lane.is_done() for lane in reversed(lanes)), 480)
            daemon.stop()
            first.wait("no process is left", lambda: not processes_of(worlds[0]))
            for lane in lanes:
                lane.assert_complete(sum(lane.topic_ends().values()))
            runs = sorted((run for lane in lanes for run in records_of(lane)), key=begin)
    finally:
        daemon.stop()
        for process in processes_of(worlds[0]):
            process.kill()
    assert {run.dagster_run.status for run in runs} == {DagsterRunStatus.SUCCESS}
    for earlier, later in pairwise(runs):
        assert end(earlier) <= begin(later), f"{told(earlier)} and {told(later)} ran at the same time"
    # Else there was nothing to keep apart.
    assert any(waited_for(later, earlier) for earlier, later in pairwise(runs))


def records_of(lane: Watched) -> list[RunRecord]:
    world: JobWorld = lane.world
    return list(lane.instance.get_run_records(RunsFilter(job_name=names.asset_job_name(world.job))))


def begin(run: RunRecord) -> float:
    assert run.start_time is not None
    return run.start_time


def end(run: RunRecord) -> float:
    assert run.end_time is not None
    return run.end_time


def waited_for(run: RunRecord, other: RunRecord) -> bool:
    """Whether another job's run was under way while this one was asked for already."""
    other_job = run.dagster_run.job_name != other.dagster_run.job_name
    return other_job and run.create_timestamp.timestamp() < end(other)


def told(run: RunRecord) -> str:
    return f"{run.dagster_run.job_name} ({begin(run):.3f} to {end(run):.3f})"
