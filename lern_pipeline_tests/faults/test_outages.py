"""Kafka, Cassandra or Redis dies, or hangs, under a working ``drain``: one clear line, and the next drain finishes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis
from dagster import DagsterInstance, RunsFilter

from lern_pipeline.local.paths import default_directory
from lern_pipeline.local.stack import LocalStack
from lern_pipeline.orchestration.lane import IN_PROGRESS
from lern_pipeline_tests.conftest import remove, stack_in
from lern_pipeline_tests.faults.drain_process import Ended
from lern_pipeline_tests.faults.job_world import Left
from lern_pipeline_tests.faults.progress_world import ProgressWorld

pytestmark = pytest.mark.faults

# A drain that has done all of a portion before its store went down gets the next one.
PORTION = 60
PORTIONS = 3
BATCH_SIZE = 20

# How long a store may be gone before a run gives up. LERN_PIPELINE_TEST_PATIENCE=default: as long as by default.
SHORT_PATIENCE = {
    "LERN_PIPELINE_OUTAGE_TIMEOUT_SECONDS": "3",
    "LERN_PIPELINE_REDISDB_CONNECTION_TIMEOUT": "4000",
}

Calm = Callable[[int], Left]

SERVICES = ("kafka", "cassandra", "redis")


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """Servers that no other test uses, since these are killed."""
    stack = stack_in(default_directory() / "test-stack" / f"{os.getpid()}-outages")
    try:
        stack.up(print)
        yield stack
    finally:
        for service in stack.started():
            process_of(stack, service).send_signal(signal.SIGCONT)
        remove(stack)


@pytest.fixture(scope="module")
def calm(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    """What so many portions leave behind when nothing happens."""
    known: dict[int, Left] = {}

    def left(portions: int) -> Left:
        if portions not in known:
            world = ProgressWorld(stack.addresses, tmp_path_factory.mktemp("calm"), PORTION * PORTIONS, 100_000)
            for portion in range(portions):
                publish(world, portion)
            world.drained()
            known[portions] = world.left()
        return known[portions]

    return left


@pytest.mark.parametrize("service", SERVICES)
def test_a_store_killed_under_a_drain_fails_it_clearly_and_the_next_drain_finishes(
    service: str, stack: LocalStack, calm: Calm, tmp_path: Path
) -> None:
    def kill() -> None:
        if service == "redis":
            keep_what_redis_has(stack)
        process_of(stack, service).kill()

    disturbed(stack, service, kill, lambda: stack.up(print), calm, tmp_path)


@pytest.mark.parametrize("service", SERVICES)
def test_a_store_that_hangs_is_noticed_by_time_out_and_the_next_drain_finishes(
    service: str, stack: LocalStack, calm: Calm, tmp_path: Path
) -> None:
    process = process_of(stack, service)
    disturbed(stack, service, process.suspend, process.resume, calm, tmp_path)


def disturbed(
    stack: LocalStack,
    service: str,
    disturb: Callable[[], None],
    heal: Callable[[], None],
    calm: Calm,
    directory: Path,
) -> None:
    world = ProgressWorld(stack.addresses, directory, PORTION * PORTIONS, BATCH_SIZE)
    if os.environ.get("LERN_PIPELINE_TEST_PATIENCE") == "default":
        del world.environment["LERN_PIPELINE_OUTAGE_TIMEOUT_SECONDS"]
    else:
        world.environment.update(SHORT_PATIENCE)
    ended, portions = None, 0
    while ended is None and portions < PORTIONS:
        publish(world, portions)
        portions += 1
        ended = drain_disturbed(world, disturb, heal)
    assert ended is not None, "every drain was done before its store went down"
    assert_failed_clearly(ended, service, address_of(stack, service))
    assert_nothing_half_known(world)
    world.drained()
    lines = world.left().differences(calm(portions))
    assert not lines, "\n".join(lines[:20])


def drain_disturbed(world: ProgressWorld, disturb: Callable[[], None], heal: Callable[[], None]) -> Ended | None:
    """How the drain ended whose store went down while it worked; None if it needed the store no more."""
    process = world.drain()
    if not process.said("consumed"):
        raise AssertionError(f"drain failed by itself: {process.wait().errors}")
    disturb()
    try:
        # It fails within two minutes, or wait() raises.
        ended = process.wait(120)
    finally:
        heal()
    return ended if ended.exit_code else None


def assert_failed_clearly(ended: Ended, service: str, address: str) -> None:
    assert ended.exit_code == 1, ended.errors
    assert "Traceback" not in ended.errors
    last = ended.errors.strip().rpartition("\n")[2]
    assert f"{service.capitalize()} at {address} is not available" in last
    report = json.loads(ended.output.strip().rpartition("\n")[2])
    statuses = [batch["status"] for batch in report["batches"]]
    assert statuses[0] == "materialised"
    assert statuses.count("failed") + len(report["stopped"]) == 1
    assert "failed" not in statuses[:-1]
    for batch in report["batches"]:
        assert batch["consumed"] == batch["processed"] + batch["skipped"] + batch["failed"]


def assert_nothing_half_known(world: ProgressWorld) -> None:
    with DagsterInstance.from_config(world.environment["DAGSTER_HOME"]) as instance:
        assert instance.get_runs_count(RunsFilter(statuses=list(IN_PROGRESS))) == 0


def publish(world: ProgressWorld, portion: int) -> None:
    world.publish(portion * PORTION, (portion + 1) * PORTION)


def process_of(stack: LocalStack, service: str) -> psutil.Process:
    return psutil.Process(stack.status()[service]["pid"])


def address_of(stack: LocalStack, service: str) -> str:
    at = stack.addresses
    return {
        "kafka": f"{at.kafka_host}:{at.kafka_port}",
        "cassandra": f"{at.cassandra_host}:{at.cassandra_port}",
        "redis": f"{at.redis_host}:{at.redis_port}",
    }[service]


def keep_what_redis_has(stack: LocalStack) -> None:
    """This Redis writes nothing to disk by itself; what it had acknowledged before it died must be there again."""
    client = redis.Redis(stack.addresses.redis_host, stack.addresses.redis_port)
    client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
    client.save()
    client.close()
