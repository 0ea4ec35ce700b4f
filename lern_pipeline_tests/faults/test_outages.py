"""A server dies, or hangs, under a working ``drain``: one clear line, and the next drain finishes.

Activity aggregates lose each of their servers in both ways, every other job the one that it depends on most; the
services that assessments and the user cache ask have tests of their own, and so have certificates and ownership (beside
their crashes). ``LERN_PIPELINE_TEST_OUTAGES=all``: every job, every server that it uses, both ways.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis
from dagster import DagsterInstance, RunsFilter

from lern_pipeline.local.paths import default_directory
from lern_pipeline.local.stack import STANDARD, LocalStack
from lern_pipeline.orchestration.lane import IN_PROGRESS
from lern_pipeline.resources.kafka_positions import KafkaPositions
from lern_pipeline_tests.conftest import RunningStack, remove, stack_in
from lern_pipeline_tests.drain_process import Ended
from lern_pipeline_tests.faults.assessment_world import AssessmentWorld
from lern_pipeline_tests.faults.job_world import JobWorld, Left
from lern_pipeline_tests.faults.merge_world import MergeWorld
from lern_pipeline_tests.faults.notification_world import NotificationWorld
from lern_pipeline_tests.faults.outside_services import WORLDS_WITH_SERVICES, OutsideServices
from lern_pipeline_tests.faults.program_world import ProgramWorld
from lern_pipeline_tests.faults.progress_world import ProgressWorld
from lern_pipeline_tests.faults.reconciliation_world import ReconciliationWorld
from lern_pipeline_tests.faults.relation_cache_world import RelationCacheWorld
from lern_pipeline_tests.faults.user_cache_world import UserCacheWorld
from lern_pipeline_tests.faults.worlds import WORLDS
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.faults

# A drain that has done all of a portion before its store went down gets the next one.
PORTION = 60
PORTIONS = 3
BATCH_SIZE = 20

# How long a store may be gone before a run gives up. LERN_PIPELINE_TEST_PATIENCE=default: as long as by default.
SHORT_PATIENCE = {
    "LERN_PIPELINE_OUTAGE_TIMEOUT_SECONDS": "3",
    "LERN_PIPELINE_REDISDB_CONNECTION_TIMEOUT": "4000",
    "LERN_PIPELINE_HTTP_READ_TIMEOUT_SECONDS": "3",
}

Make = Callable[[type[JobWorld], Path], JobWorld]
Calm = Callable[[type[JobWorld], int], Left]

KILLED, HUNG = "killed", "hung"

OUTAGES: list[tuple[type[JobWorld], str, str]] = [
    *((ProgressWorld, service, way) for way in (KILLED, HUNG) for service in ProgressWorld.servers),
    # All that the job writes is there.
    (RelationCacheWorld, "redis", HUNG),
    # Completed enrolments are stored, and certificates asked for, or neither is known.
    (ReconciliationWorld, "kafka", HUNG),
    # Counters have been added to, or have not.
    (MergeWorld, "cassandra", HUNG),
    # Hashes and rows are all that these have.
    (UserCacheWorld, "redis", KILLED),
    (ProgramWorld, "cassandra", KILLED),
    # Mails have gone out, and that cannot be kept.
    (NotificationWorld, "cassandra", KILLED),
]
if os.environ.get("LERN_PIPELINE_TEST_OUTAGES") == "all":
    kinds = (*WORLDS.values(), *WORLDS_WITH_SERVICES.values())
    OUTAGES = [(kind, service, way) for kind in kinds for service in kind.servers for way in (KILLED, HUNG)]


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
def make(stack: LocalStack) -> Iterator[Make]:
    """A world on these servers, of which a few are started when a job needs them."""
    with OutsideServices() as outside:

        def made(kind: type[JobWorld], directory: Path) -> JobWorld:
            on_request = {*kind.servers, *kind.also_there}.difference(STANDARD)
            if on_request:
                stack.up(print, on_request)
            return outside.world(kind, stack.addresses, directory, PORTION * PORTIONS, BATCH_SIZE)

        yield made


@pytest.fixture(scope="module")
def calm(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    """What so many portions leave behind when nothing happens, in the same batches."""
    known: dict[tuple[type[JobWorld], int], Left] = {}

    def left(kind: type[JobWorld], portions: int) -> Left:
        if (kind, portions) not in known:
            world = make(kind, tmp_path_factory.mktemp("calm"))
            for portion in range(portions):
                publish(world, portion)
                world.drained()
            known[kind, portions] = world.left()
        return known[kind, portions]

    return left


@pytest.mark.parametrize(
    ("kind", "service", "way"),
    [pytest.param(*outage, id=f"{outage[0].job.name}-{outage[1]}-{outage[2]}") for outage in OUTAGES],
)
def test_a_drain_whose_server_goes_fails_clearly_and_the_next_one_finishes(
    kind: type[JobWorld], service: str, way: str, stack: LocalStack, make: Make, calm: Calm, tmp_path: Path
) -> None:
    world = make(kind, tmp_path)
    disturb, heal = outage_of(stack, service, way)
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
    assert_failed_clearly(ended, shown_as(stack, service))
    assert_nothing_half_known(world)
    world.drained()
    lines = world.left().differences(calm(kind, portions))
    assert not lines, "\n".join(lines[:20])
    world.assert_each_once(portions * PORTION)


def outage_of(stack: LocalStack, service: str, way: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """What brings the outage about, and what ends it."""
    process = process_of(stack, service)
    if way == HUNG:
        return process.suspend, process.resume

    def kill() -> None:
        if service == "redis":
            keep_what_redis_has(stack)
        process.kill()

    return kill, lambda: stack.up(print, [service])


def drain_disturbed(world: JobWorld, disturb: Callable[[], object], heal: Callable[[], object]) -> Ended | None:
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


def test_assessments_wait_for_the_content_service_and_nothing_of_their_batch_is_done_before(
    local_stack: RunningStack, third_party: ThirdParty, tmp_path: Path
) -> None:
    disturbed, calm = (counted_assessments(local_stack, third_party, tmp_path / name) for name in ("disturbed", "calm"))
    answer = {"responseCode": "OK", "result": {"content": {"totalQuestions": 3}}}
    third_party.add([{**asked_for(disturbed), "status": 503, "answer": {}, "times": 1}])
    third_party.add([{**asked_for(world), "answer": answer} for world in (disturbed, calm)])
    before = disturbed.left()
    ended = disturbed.drain().wait()
    assert ended.exit_code == 1
    assert "content service at " in ended.errors and "answered 503" in ended.errors
    assert disturbed.left() == before
    positions = KafkaPositions(disturbed.settings)
    assert not positions.committed(disturbed.input_topic, disturbed.job.consumer_group(disturbed.settings))
    (batch,), (undisturbed,) = disturbed.drained(), calm.drained()
    for name in ("consumed", "processed", "skipped", "failed"):
        assert batch[name] == undisturbed[name]
    lines = disturbed.left().differences(calm.left())
    assert not lines, "\n".join(lines[:20])


@pytest.mark.parametrize("service", ["userorg", "taxonomy"])
def test_hashes_stay_as_they_are_while_a_service_of_profiles_cannot_be_reached(
    service: str, local_stack: RunningStack, tmp_path: Path
) -> None:
    disturbed, calm = (
        UserCacheWorld(local_stack.addresses, tmp_path / name, PORTION, 1000) for name in ("disturbed", "calm")
    )
    for world in (disturbed, calm):
        publish(world, 0)
    before, address = disturbed.left(), f"LERN_PIPELINE_SERVICE_{service.upper()}_BASEPATH"
    reachable = dict(disturbed.environment)
    # Nobody answers there.
    disturbed.environment |= SHORT_PATIENCE | {address: "http://127.0.0.1:9"}
    ended = disturbed.drain().wait()
    assert ended.exit_code == 1
    last = ended.errors.strip().rpartition("\n")[2]
    assert "service at http://127.0.0.1:9/" in last and "is not available" in last
    assert disturbed.left() == before
    disturbed.environment = reachable
    disturbed.drained()
    calm.drained()
    assert calm.left() != before
    lines = disturbed.left().differences(calm.left())
    assert not lines, "\n".join(lines[:20])


def counted_assessments(stack: RunningStack, content_service: ThirdParty, directory: Path) -> AssessmentWorld:
    """One batch of attempts whose questions are counted."""
    world = AssessmentWorld(stack.addresses, directory, PORTION, 1000)
    world.environment |= {
        "LERN_PIPELINE_ASSESSMENT_SKIP_MISSINGRECORDS": "true",
        "LERN_PIPELINE_JOBS_ASSESSMENT_AGGREGATOR__CONTENT_READ_API": f"{content_service.address}/content/read/",
    }
    publish(world, 0)
    return world


def asked_for(world: AssessmentWorld) -> dict[str, str]:
    return {"service": "content", "method": "GET", "path": f"/read/{world.uncached_content}"}


def assert_failed_clearly(ended: Ended, server: str) -> None:
    assert ended.exit_code == 1, ended.errors
    assert "Traceback" not in ended.errors
    last = ended.errors.strip().rpartition("\n")[2]
    assert re.search(f"{server} is not available", last), last
    report = json.loads(ended.output.strip().rpartition("\n")[2])
    statuses = [batch["status"] for batch in report["batches"]]
    assert statuses[0] == "materialised"
    assert statuses.count("failed") + len(report["stopped"]) == 1
    assert "failed" not in statuses[:-1]
    for batch in report["batches"]:
        assert batch["consumed"] == batch["processed"] + batch["skipped"] + batch["failed"]


def assert_nothing_half_known(world: JobWorld) -> None:
    with DagsterInstance.from_config(world.environment["DAGSTER_HOME"]) as instance:
        assert instance.get_runs_count(RunsFilter(statuses=list(IN_PROGRESS))) == 0


def publish(world: JobWorld, portion: int) -> None:
    world.publish(portion * PORTION, (portion + 1) * PORTION)


def process_of(stack: LocalStack, service: str) -> psutil.Process:
    return psutil.Process(stack.status()[service]["pid"])


def shown_as(stack: LocalStack, service: str) -> str:
    """A pattern of the name and address by which an error tells of it."""
    at = stack.addresses
    addresses = {
        "kafka": f"{at.kafka_host}:{at.kafka_port}",
        "cassandra": f"{at.cassandra_host}:{at.cassandra_port}",
        "redis": f"{at.redis_host}:{at.redis_port}",
    }
    if service in addresses:
        return re.escape(f"{service.capitalize()} at {addresses[service]}")
    # The LMS service's search needs it as well, and says so first.
    return r"(search cluster|LMS service) at \S+"


def keep_what_redis_has(stack: LocalStack) -> None:
    """This Redis writes nothing to disk by itself; what it had acknowledged before it died must be there again."""
    client = redis.Redis(stack.addresses.redis_host, stack.addresses.redis_port)
    client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
    client.save()
    client.close()
