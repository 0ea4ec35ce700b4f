"""Killed while course batches change hands, and services that do not answer: the same rows and documents as without.

The telling points by default, ``LERN_PIPELINE_TEST_CRASH_POINTS=all`` for every one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from lern_pipeline.local.stack import LocalStack
from lern_pipeline_tests.faults.job_world import Left
from lern_pipeline_tests.faults.ownership_world import BATCHES, CIRCLE, OwnershipWorld
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.batch_search import BatchSearch
from lern_pipeline_tests.third_party.services.user_organisation import UserOrganisation

pytestmark = pytest.mark.faults

EVENTS = 10 * len(CIRCLE)
EVERY_POINT = os.environ.get("LERN_PIPELINE_TEST_CRASH_POINTS") == "all"

#: Some rows are written; all are, and no document; all documents are, and nobody knows.
TELLING = ("between-rows", "after-rows", "between-stages")
POINTS = (*TELLING, "after-state", "after-plan", "between-rows#2", "after-conclusion", "after-publish", "after-applied")

SEARCH = {"service": "v1", "method": "POST", "path": "/course/batch/search"}

World = Callable[[], OwnershipWorld]


@pytest.fixture(scope="module")
def services() -> Iterator[ThirdParty]:
    with ThirdParty([BatchSearch(), UserOrganisation()]) as server:
        yield server


@pytest.fixture(scope="module")
def world(
    local_stack: Any, search_cluster: str, services: ThirdParty, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    made: list[OwnershipWorld] = []

    def make() -> OwnershipWorld:
        made.append(OwnershipWorld(local_stack.addresses, tmp_path_factory.mktemp("world"), EVENTS, 1000, services))
        made[-1].publish(0, EVENTS)
        return made[-1]

    yield make
    for one in made:
        one.documents.close()


@pytest.fixture(scope="module")
def undisturbed(world: World) -> Left:
    """What the workload leaves behind when nothing happens."""
    calm = world()
    (batch,) = [batch for batch in calm.drained() if batch["consumed"]]
    unknown = EVENTS // len(CIRCLE)
    assert (batch["processed"], batch["skipped"], batch["failed"]) == (EVENTS - unknown, unknown, 1)
    left = calm.left()
    first = {name: left.stored[f"course-batch {name}0-TOKEN"] for name in BATCHES}
    owners = {name: text.partition("'createdBy': ")[2].partition(", 'status'")[0] for name, text in first.items()}
    assert owners == {
        "created": "'c0-TOKEN', 'mentors': []",
        "mentored": "'x0-TOKEN', 'mentors': ['m0-TOKEN', 'c0-TOKEN', 'a0-TOKEN']",
        "both": "'c0-TOKEN', 'mentors': ['c0-TOKEN']",
        "last": "'a0-TOKEN', 'mentors': ['a0-TOKEN']",
        "nobodys": "'x0-TOKEN', 'mentors': ['m0-TOKEN']",
    }
    return left


@pytest.mark.parametrize("point", POINTS if EVERY_POINT else TELLING)
def test_a_batch_killed_there_and_run_again_ends_as_if_nothing_had_happened(
    point: str, world: World, undisturbed: Left
) -> None:
    disturbed = world()
    assert disturbed.drain(crash_at=point).wait().exit_code == -signal.SIGKILL, "the crash point was not reached"
    disturbed.drained()
    lines = disturbed.left().differences(undisturbed)
    assert not lines, "\n".join(lines[:20])


def test_a_search_cluster_that_hangs_after_the_rows_fails_the_batch_and_documents_follow_later(
    world: World, undisturbed: Left, session_stack: LocalStack
) -> None:
    disturbed = world()
    assert disturbed.drain(crash_at="after-rows").wait().exit_code == -signal.SIGKILL, "the crash point was not reached"
    patient = dict(disturbed.environment)
    disturbed.environment |= {"LERN_PIPELINE_HTTP_ATTEMPTS": "1", "LERN_PIPELINE_HTTP_READ_TIMEOUT_SECONDS": "1"}
    node = psutil.Process(session_stack.status()["opensearch"]["pid"])
    node.suspend()
    try:
        ended = disturbed.drain().wait()
    finally:
        node.resume()
    assert ended.exit_code == 1
    assert "search cluster at http://" in ended.errors and "is not available" in ended.errors
    assert "Traceback" not in ended.errors
    left = disturbed.left()
    rows = {key for key in left.stored if key.startswith("course_batch|")}
    assert {key: left.stored[key] for key in rows} == {key: undisturbed.stored[key] for key in rows}
    assert left.stored != undisturbed.stored
    disturbed.environment = patient
    disturbed.drained()
    assert not disturbed.left().differences(undisturbed)


def test_a_search_that_does_not_answer_fails_the_batch_before_anything_is_written(
    world: World, undisturbed: Left, services: ThirdParty
) -> None:
    disturbed = world()
    before = disturbed.left()
    # The worlds do without second attempts.
    services.add([{**SEARCH, "body_has": _of(disturbed), "status": 503, "answer": {}, "times": 1}])
    ended = disturbed.drain().wait()
    assert ended.exit_code == 1
    assert "LMS service at " in ended.errors and "answered 503" in ended.errors
    assert disturbed.left() == before
    disturbed.drained()
    assert not disturbed.left().differences(undisturbed)


def _of(world: OwnershipWorld) -> dict[str, Any]:
    return {"request": {"filters": {"createdBy": world.person(0, "a")}}}
