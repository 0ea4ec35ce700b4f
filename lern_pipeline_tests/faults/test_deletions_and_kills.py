"""Killed while users are deleted, or with Keycloak down: nothing is left of a user that an undisturbed run removes, and
each AUDIT event is one.

A point for each step by default, ``LERN_PIPELINE_TEST_CRASH_POINTS=all`` for every one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lern_pipeline_tests.command import COMMAND
from lern_pipeline_tests.faults.deletion_world import DeletionWorld
from lern_pipeline_tests.faults.job_world import Left
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.keycloak import Keycloak
from lern_pipeline_tests.third_party.services.user_organisation import UserOrganisation

pytestmark = pytest.mark.faults

EVENTS = 20
TOKEN = "/realms/sunbird/protocol/openid-connect/token"
EVERY_POINT = os.environ.get("LERN_PIPELINE_TEST_CRASH_POINTS") == "all"
#: Claimed and not removed, removed and not known to be; before look-ups, identities, hashes; before the rows; all done.
TELLING = (
    "after-claim#3",
    "after-effect#3",
    "between-stages#1",
    "between-stages#2",
    "between-stages#3",
    "between-stages#4",
    "after-conclusion",
)
POINTS = (
    *TELLING,
    "after-plan",
    "between-rows",
    "after-outcome#5",
    "between-cache",
    "between-rows#3",
    "before-publish",
    "between-publishes",
    "after-publish",
)


@dataclass(frozen=True)
class Platform:
    """Makes worlds that share a server; ``calm``: what one left that nothing happened to."""

    make: Callable[[str], DeletionWorld]
    server: ThirdParty

    def deleted(self) -> tuple[Left, dict[str, Any]]:
        world = self.make("calm")
        world.publish(0, EVENTS)
        world.drained()
        return world.left(), world.accounts()


@pytest.fixture(scope="module")
def platform(local_stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with ThirdParty([UserOrganisation(), Keycloak()]) as server:
        yield Platform(
            lambda name: DeletionWorld(local_stack.addresses, tmp_path_factory.mktemp(name), EVENTS, 100, server),
            server,
        )


@pytest.fixture(scope="module")
def calm(platform: Platform) -> tuple[Left, dict[str, Any]]:
    left, accounts = platform.deleted()
    # Not vacuous: only the managed and the users' blanked rows, the memberships, and the other's hash.
    assert not [key for key in left.stored if key.startswith(("user_lookup", "usr_external_identity"))]
    assert [key for key in left.stored if key.startswith("user:")] == ["user:other-TOKEN"]
    # Keycloak has those it was not asked for, and those that it let be blanked.
    assert {id_ for id_, one in accounts.items() if one.get("enabled") is False} == {
        f"f:fp1:user-{number}-TOKEN" for number in range(0, EVENTS, 5) if number % 3 != 2
    }
    assert sum("AUDIT" in text for text in left.messages) == sum(number % 3 != 2 for number in range(EVENTS))
    return left, accounts


@pytest.mark.parametrize("point", POINTS if EVERY_POINT else TELLING)
def test_killed_and_run_again(point: str, platform: Platform, calm: tuple[Left, dict[str, Any]]) -> None:
    world = platform.make("killed")
    world.publish(0, EVENTS)
    assert world.drain(crash_at=point).wait().exit_code == -signal.SIGKILL, "the crash point was not reached"
    world.drained()
    left, accounts = calm
    lines = world.left().differences(left)
    assert not lines, "\n".join(lines[:20])
    assert world.accounts() == accounts
    assert world.unfinished() == []


def test_with_keycloak_down_all_else_is_done_and_the_events_again_remove_the_accounts(
    platform: Platform, calm: tuple[Left, dict[str, Any]]
) -> None:
    world = platform.make("outage")
    platform.server.add([{"service": "auth", "status": 503}])
    world.publish(0, EVENTS)
    (batch,) = world.drained()
    # And the bad record.
    assert batch["failed"] == len(world.readable) + 1
    assert {line.to_whom for line in world.unfinished()} == {world.user(number) for number in world.readable}
    left, accounts = calm
    found = world.left()
    assert found.stored == left.stored
    platform.server.forget_scripts()
    world.publish(0, EVENTS)
    (again,) = world.drained()
    assert (again["processed"], again["failed"]) == (EVENTS, 1)
    assert world.left().stored == left.stored
    assert world.accounts() == accounts
    assert world.unfinished() == []
    told = [text for text in world.left().messages if "AUDIT" in text]
    assert len(told) == len(world.readable)
    assert all("keycloakCredentials:false" in text for text in told)


def test_with_keycloak_down_a_rerun_of_the_batch_removes_the_accounts(
    platform: Platform, calm: tuple[Left, dict[str, Any]]
) -> None:
    world = platform.make("rerun")
    platform.server.add([{"service": "auth", "path": TOKEN, "status": 401, "answer": {"error": "unauthorized_client"}}])
    world.publish(0, EVENTS)
    (batch,) = world.drained()
    assert len(world.unfinished()) == len(world.readable)
    platform.server.forget_scripts()
    told = world.left().messages
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
    ended = subprocess.run(
        [str(COMMAND), "rerun", world.job.name, batch["partition_key"], "--json"],
        env=inherited | world.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (again,) = json.loads(ended.stdout.strip().rpartition("\n")[2])["batches"]
    assert (again["processed"], again["failed"]) == (EVENTS, 1)
    left, accounts = calm
    assert world.left().stored == left.stored
    assert world.left().messages == told
    assert world.accounts() == accounts
    assert world.unfinished() == []
