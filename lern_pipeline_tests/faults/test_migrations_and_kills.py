"""Killed while old certificates are migrated: one certificate of each, rows, documents and messages as without.

The telling points by default, ``LERN_PIPELINE_TEST_CRASH_POINTS=all`` for every one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lern_pipeline.local.addresses import free_port
from lern_pipeline_tests.faults.job_world import Left
from lern_pipeline_tests.faults.migration_world import MigrationWorld
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.certificate_registry import CertificateRegistry

pytestmark = pytest.mark.faults

EVENTS = 24
EVERY_POINT = os.environ.get("LERN_PIPELINE_TEST_CRASH_POINTS") == "all"
#: Created but not known to be; entered, and told of in part.
TELLING = ("after-effect#5", "between-publishes#3")
POINTS = (
    *TELLING,
    "after-conclusion",
    "after-state",
    "after-plan",
    "after-claim#5",
    "after-outcome#5",
    # The state is told, the key is known, the first certificates are there, the first migrations have ended.
    "between-stages",
    "between-stages#2",
    "between-stages#3",
    "between-stages#4",
    "between-rows",
    "after-publish",
    "after-applied",
)

SEARCH = {"service": "rc", "method": "POST", "path": "/api/v1/TrainingCertificate/search"}

World = Callable[[], MigrationWorld]


@pytest.fixture(scope="module")
def registry() -> Iterator[ThirdParty]:
    with ThirdParty([CertificateRegistry()]) as server:
        yield server


@pytest.fixture(scope="module")
def world(
    local_stack: Any, search_cluster: str, registry: ThirdParty, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    made: list[MigrationWorld] = []

    def make() -> MigrationWorld:
        made.append(MigrationWorld(local_stack.addresses, tmp_path_factory.mktemp("world"), EVENTS, 100, registry))
        made[-1].publish(0, EVENTS)
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def undisturbed(world: World) -> Left:
    """What the workload leaves behind when nothing happens."""
    calm = world()
    (batch,) = [batch for batch in calm.drained() if batch["consumed"]]
    assert (batch["consumed"], batch["processed"], batch["failed"]) == (EVENTS + 1, EVENTS, 1)
    wanted = set(calm.migrations()) - calm.newer()
    assert calm.active() == dict.fromkeys(wanted, 1)
    left = calm.left()
    rows = [text for key, text in left.stored.items() if key.startswith("cert_registry|")]
    assert len(rows) == EVENTS
    assert all("'isrevoked': True" in text and "'reason': 'revoked'" in text for text in rows)
    assert not [key for key in left.stored if key.startswith("certs ")]
    told = [number for text, number in left.messages.items() if "certificate-migrated-svg" in text]
    assert sum(told) == len(wanted)
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


def test_rc_cannot_be_searched_when_the_batch_is_run_again(world: World, undisturbed: Left) -> None:
    """Whether a certificate is there cannot be told then: the batch waits, and creates none a second time."""
    disturbed = world()
    assert disturbed.drain(crash_at="after-effect#5").wait().exit_code == -signal.SIGKILL
    disturbed.server.add([{**SEARCH, "status": 503, "answer": {}}])
    ended = disturbed.drain().wait()
    disturbed.server.forget_scripts()
    assert ended.exit_code == 1
    assert "Sunbird RC at service.rc.basePath is not available" in ended.errors
    assert "Traceback" not in ended.errors
    assert set(disturbed.active().values()) == {1}
    disturbed.drained()
    lines = disturbed.left().differences(undisturbed)
    assert not lines, "\n".join(lines[:20])


def test_without_the_search_cluster_events_fail_and_end_when_they_are_sent_again(
    world: World, undisturbed: Left
) -> None:
    """Contract D2: the certificates are there, the old documents too, until somebody sends the events again."""
    disturbed = world()
    cluster = disturbed.environment["LERN_PIPELINE_ES_BASEPATH"]
    disturbed.environment["LERN_PIPELINE_ES_BASEPATH"] = f"127.0.0.1:{free_port()}"
    (batch,) = [batch for batch in disturbed.drained() if batch["consumed"]]
    assert (batch["status"], batch["processed"], batch["failed"]) == ("materialised", 0, EVENTS + 1)
    between = disturbed.left()
    rows = [text for key, text in between.stored.items() if key.startswith("cert_registry|")]
    assert len(rows) == EVENTS
    # Those that a newer certificate has taken the place of have got none, and no state.
    assert sum("'reason': 'enrolment_updated'" in text for text in rows) == EVENTS - len(disturbed.newer())
    assert not [text for text in rows if "'reason': 'revoked'" in text]
    assert len([key for key in between.stored if key.startswith("certs ")]) == EVENTS

    disturbed.environment["LERN_PIPELINE_ES_BASEPATH"] = cluster
    disturbed.publish(0, EVENTS)
    (batch,) = [batch for batch in disturbed.drained() if batch["consumed"]]
    assert (batch["processed"], batch["failed"]) == (EVENTS, 1)
    left = disturbed.left()
    assert left.stored == undisturbed.stored
    migrated = {text: n for text, n in undisturbed.messages.items() if "certificate-migrated-svg" in text}
    assert {text: n for text, n in left.messages.items() if "certificate-migrated-svg" in text} == migrated
