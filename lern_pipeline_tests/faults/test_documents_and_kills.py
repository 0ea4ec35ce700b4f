"""Killed while documents are updated, and a MongoDB that is not there: the same documents as without."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lern_pipeline_tests.faults.job_world import Left
from lern_pipeline_tests.faults.manage_learn_world import DeletionWorld, ManageLearnWorld, TransferWorld

pytestmark = pytest.mark.faults

EVENTS = 40

World = Callable[[type[ManageLearnWorld]], ManageLearnWorld]


@pytest.fixture(scope="module")
def world(local_stack: Any, mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made: list[ManageLearnWorld] = []

    def make(kind: type[ManageLearnWorld]) -> ManageLearnWorld:
        made.append(kind(local_stack.addresses, tmp_path_factory.mktemp("world"), EVENTS, 1000, mongo_url))
        made[-1].publish(0, EVENTS)
        return made[-1]

    yield make
    for one in made:
        one.forget()


@pytest.fixture(scope="module")
def undisturbed(world: World) -> Callable[[type[ManageLearnWorld]], Left]:
    """What the workload leaves behind when nothing happens."""
    known: dict[type[ManageLearnWorld], Left] = {}

    def left(kind: type[ManageLearnWorld]) -> Left:
        if kind not in known:
            calm = world(kind)
            before = calm.left()
            (batch,) = [batch for batch in calm.drained() if batch["consumed"]]
            assert (batch["consumed"], batch["processed"], batch["failed"]) == (EVENTS + 1, EVENTS, 1)
            known[kind] = calm.left()
            assert known[kind].stored != before.stored
        return known[kind]

    return left


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        (TransferWorld, "after-plan"),
        (TransferWorld, "between-documents"),
        (TransferWorld, "between-documents#2"),
        (TransferWorld, "after-documents"),
        (DeletionWorld, "between-documents#3"),
    ],
)
def test_a_batch_killed_there_and_run_again_ends_as_if_nothing_had_happened(
    kind: type[ManageLearnWorld], point: str, world: World, undisturbed: Callable[[type[ManageLearnWorld]], Left]
) -> None:
    disturbed = world(kind)
    assert disturbed.drain(crash_at=point).wait().exit_code == -signal.SIGKILL, "the crash point was not reached"
    disturbed.drained()
    lines = disturbed.left().differences(undisturbed(kind))
    assert not lines, "\n".join(lines[:20])


def test_a_mongo_that_is_not_there_fails_the_batch_in_one_line_and_nothing_is_lost(
    world: World, undisturbed: Callable[[type[ManageLearnWorld]], Left]
) -> None:
    disturbed = world(TransferWorld)
    there = dict(disturbed.environment)
    disturbed.environment |= {
        "LERN_PIPELINE_ML_MONGO_URI": "mongodb://lern:secret@127.0.0.1:1/",
        "LERN_PIPELINE_OUTAGE_TIMEOUT_SECONDS": "1",
    }
    ended = disturbed.drain().wait()
    assert ended.exit_code == 1
    assert "MongoDB at the address of ml-mongo.uri is not available" in ended.errors
    assert "secret" not in ended.errors + ended.output
    disturbed.environment = there
    disturbed.drained()
    assert not disturbed.left().differences(undisturbed(TransferWorld))
