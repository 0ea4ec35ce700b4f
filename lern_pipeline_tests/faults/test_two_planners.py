"""Two planners, two daemons, two commands at once: batches never overlap, and a batch has one plan."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER as JOB
from lern_pipeline.microbatch.completeness import Fate, completeness
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.plan import Plan
from lern_pipeline.microbatch.plan_encoding import encode_plan
from lern_pipeline.microbatch.run import BatchResult
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.lane import Lane
from lern_pipeline_tests.drain_process import DrainProcess
from lern_pipeline_tests.faults.job_world import Left
from lern_pipeline_tests.faults.lane_daemon import LaneDaemon, make_home, processes_of, watched
from lern_pipeline_tests.faults.planning_process import PlanningProcess, SeenOffsets, planner_settings
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.journalled_store import JournalledStore
from lern_pipeline_tests.microbatch.tally import STARTED, counts, event, key_of, tally_run

pytestmark = pytest.mark.faults

ROUNDS = 60
MAX_RECORDS = 7
EVENTS = 80
BATCH_SIZE = 20


def test_two_planners_at_the_same_moment_agree_on_every_batch(tmp_path: Path) -> None:
    dice = random.Random(5)
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        planners = [PlanningProcess(str(tmp_path), MAX_RECORDS) for _ in range(2)]
        ends, both_asked, runs = {0: 0, 1: 0}, 0, list[str]()
        for _ in range(ROUNDS):
            before = ledger(instance)
            ends = {partition: end + dice.randrange(4) for partition, end in ends.items()}
            # The second sees a little more: its batch would be another one. It comes a little early or late.
            seen = [ends, {partition: end + dice.randrange(2) for partition, end in ends.items()}]
            moment = time.time() + 0.01
            for planner, its_ends in zip(planners, seen, strict=True):
                planner.look(moment + dice.uniform(0.0, 0.01), its_ends)
            requested = [run_key for planner in planners if (run_key := planner.requested())]
            after = ledger(instance)
            assert after[: len(before)] == before
            # Of the first round's planners one may set the position and the other plan on from there.
            assert len(after) - len(before) <= (1 if before else 2), "two batches at once"
            assert len(set(requested)) <= 1, "two batches' runs were requested"
            both_asked += len(requested) == 2
            runs += sorted(set(requested))
            if requested:
                assert requested[0] == f"{JOB.name}:{after[-1]}#1"
                report_materialised(instance, str(after[-1]))
        for planner in planners:
            planner.end()
        texts = instance.get_dynamic_partitions(names.partitions_name(JOB))
    keys = [MicroBatchKey.parse(text) for text in texts]
    found = completeness([(key, Fate.RUN) for key in keys], {})
    assert found.complete and not found.moves, [str(finding) for finding in found.findings]
    assert keys[-1].ends[0] <= ends[0] + 1
    batches = [key for key in keys if not key.is_position]
    assert len(batches) == len(runs) == len(set(runs)) > ROUNDS // 2
    print(f"{len(batches)} batches; {both_asked} times both planners asked for the same run")


def test_a_slow_first_start_does_not_move_back_a_lane_that_has_gone_on(tmp_path: Path) -> None:
    settings = planner_settings(MAX_RECORDS)
    with DagsterInstance.local_temp(str(tmp_path)) as instance:

        class SlowOffsets(SeenOffsets):
            """While this planner asks for committed offsets, another begins the lane and plans a batch."""

            def committed(self, topic: str, group: str) -> dict[int, int]:
                quick: Any = SeenOffsets({0: 5})
                for _ in range(2):
                    Lane(JOB, settings, instance, quick).advance(immediate=True)
                return {}

        slow: Any = SlowOffsets({0: 5})
        assert Lane(JOB, settings, instance, slow).advance(immediate=True).run is None
        position, batch = ledger(instance)
        assert position.is_position and batch.ends == {0: 5}


def ledger(instance: DagsterInstance) -> list[MicroBatchKey]:
    return [MicroBatchKey.parse(text) for text in instance.get_dynamic_partitions(names.partitions_name(JOB))]


def report_materialised(instance: DagsterInstance, partition: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(names.asset_key(JOB), partition=partition))


def test_two_daemons_on_one_instance_do_the_work_of_one_and_drain_stays_out(
    world: Any, undisturbed: Callable[[int], Left], tmp_path: Path
) -> None:
    shared = world(EVENTS, BATCH_SIZE)
    shared.publish(0, EVENTS)
    make_home(shared)
    daemons = [LaneDaemon(shared, name) for name in ("one", "other")]
    try:
        with watched(shared) as lane:
            lane.wait("the first batch is done", lane.batches_done)
            refused = DrainProcess(shared.environment, tmp_path).wait()
            lane.wait("the backlog is done", lane.is_done)
            assert all(daemon.process.poll() is None for daemon in daemons), "one of the daemons gave up"
            for daemon in daemons:
                daemon.stop()
            lane.wait("no process is left", lambda: not processes_of(shared))
            lane.assert_complete(EVENTS + 1)
    finally:
        for daemon in daemons:
            daemon.stop()
        for process in processes_of(shared):
            process.kill()
    assert refused.exit_code != 0
    assert "a Dagster daemon is alive" in the_refusal(refused.errors) and not refused.output.strip()
    lines = shared.left().differences(undisturbed(EVENTS))
    assert not lines, "\n".join(lines[:20])


def test_of_two_drains_at_once_the_second_refuses_and_the_first_finishes(world: Any, tmp_path: Path) -> None:
    shared = world(EVENTS, BATCH_SIZE)
    shared.publish(0, EVENTS)
    first = shared.drain()
    assert first.said("consumed")
    second = DrainProcess(shared.environment, tmp_path).wait()
    assert first.wait().exit_code == 0
    assert second.exit_code != 0
    assert "another drain or rerun is at work" in the_refusal(second.errors) and not second.output.strip()


class MeetingStore(JournalledStore):
    """Lets nobody store a plan before everybody has one."""

    meeting: threading.Barrier

    def write_plan(self, plan: Plan) -> tuple[Plan, int]:
        self.meeting.wait(30)
        return super().write_plan(plan)


def test_two_runs_of_one_batch_at_once_carry_out_the_same_plan(tmp_path: Path) -> None:
    world = InMemoryWorld()
    for user in ("ada", "eve", "ada"):
        world.broker.append(event(user))
    key, meeting = key_of(world.broker), threading.Barrier(2)
    results: list[BatchResult] = []

    def run(attempt: int) -> None:
        # An hour apart: each has a plan of its own.
        mine = tally_run(world, tmp_path, now=STARTED + 3600 * attempt)
        store = MeetingStore(str(tmp_path), mine.job.name, world.journal)
        store.meeting = meeting
        mine.store = store
        results.append(mine.execute(key, attempt, rerun=False))

    threads = [threading.Thread(target=run, args=(attempt,)) for attempt in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    first, second = results
    assert list(encode_plan(first.plan)) == list(encode_plan(second.plan))
    assert counts(world) == {"ada": 2, "eve": 1}
    texts = {message.id: message.value for message in world.broker.published}
    assert len(texts) == 3
    assert all(texts[message.id] == message.value for message in world.broker.published)


def the_refusal(errors: str) -> str:
    """The one line that is said besides what a job remarks of its settings at every start."""
    lines = [line for line in errors.strip().splitlines() if "removes no accounts at Keycloak" not in line]
    (line,) = lines
    return line
