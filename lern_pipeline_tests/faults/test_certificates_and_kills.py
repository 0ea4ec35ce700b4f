"""Killed while certificates are issued: never two certificates of one request or none, mail and feed entry once.

Four of the points by default, ``LERN_PIPELINE_TEST_CRASH_POINTS=all`` for every one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline_tests.faults.issuance_world import IssuanceWorld
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.certificate_registry import CertificateRegistry
from lern_pipeline_tests.third_party.services.user_organisation import UserOrganisation

pytestmark = pytest.mark.faults

EVENTS = 24
EVERY_POINT = os.environ.get("LERN_PIPELINE_TEST_CRASH_POINTS") == "all"
#: Claimed but not made, made but not known to be, told of but not known to be; all done but not said.
TELLING = ("after-claim#5", "after-effect#5", "after-effect#30", "after-conclusion")
POINTS = (
    *TELLING,
    "after-plan",
    "after-outcome#5",
    "between-stages#2",
    "between-rows",
    "between-publishes",
    # Of the mails and feed entries.
    "after-claim#20",
    "after-publish",
)

SEARCH = {"service": "rc", "method": "POST", "path": "/api/v1/TrainingCertificate/search"}

Registry = Callable[[], IssuanceWorld]


@pytest.fixture
def registry(local_stack: Any, tmp_path: Path) -> Iterator[Registry]:
    """A world of so many requests, and the server that has the services."""
    with ThirdParty([CertificateRegistry(), UserOrganisation()]) as server:
        yield lambda: IssuanceWorld(local_stack.addresses, tmp_path / "issuance", EVENTS, 100, server)


@pytest.mark.parametrize("point", POINTS if EVERY_POINT else TELLING)
def test_killed_and_run_again(point: str, registry: Registry) -> None:
    world = registry()
    world.publish(0, EVENTS)
    assert world.drain(crash_at=point).wait().exit_code == -signal.SIGKILL, "the crash point was not reached"
    world.drained()
    world.assert_each_once(EVENTS)


@pytest.mark.parametrize("shape", ["array", "data"] if EVERY_POINT else ["array"])
def test_rc_lies_and_the_process_dies(shape: str, registry: Registry) -> None:
    world = registry()
    world.server.services["registry"].add({"lies": ["drop", "500", "503", "drop"], "shape": shape})
    world.publish(0, EVENTS)
    assert world.drain(crash_at="after-effect#6").wait().exit_code == -signal.SIGKILL
    world.drained()
    world.assert_each_once(EVENTS)


def test_rc_cannot_be_searched_when_the_batch_is_run_again(registry: Registry) -> None:
    """Whether a certificate is there cannot be told then: the batch waits, and creates none a second time."""
    world = registry()
    world.publish(0, EVENTS)
    assert world.drain(crash_at="after-effect#5").wait().exit_code == -signal.SIGKILL
    world.server.add([{**SEARCH, "status": 503, "answer": {}}])
    ended = world.drain().wait()
    world.server.forget_scripts()
    assert ended.exit_code == 1
    assert "Sunbird RC at service.rc.basePath is not available" in ended.errors
    assert "Traceback" not in ended.errors
    assert set(world.active().values()) == {1}
    world.drained()
    world.assert_each_once(EVENTS)
