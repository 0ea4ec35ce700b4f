"""The proof of deletion on the real servers: nothing left after a deletion, and what is put back is found."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from kafka import KafkaProducer

from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.jobs.deletion_proof.proof import Proof
from lern_pipeline.microbatch.plan import CacheWrites, RowWrites, UpdateHash
from lern_pipeline.orchestration.deletion_check import ProofConfig, check_result, proof
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.shredding import shred_deleted_users
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline_tests.faults.deletion_world import CACHE, DeletionWorld
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.keycloak import Keycloak
from lern_pipeline_tests.third_party.services.user_organisation import UserOrganisation

pytestmark = pytest.mark.stack

EVENTS = 6
TODAY = date(2027, 1, 2)
#: Blocked, so that the job leaves the account to the user service.
BLOCKED = 2


class Office:
    """A world in which all users have been deleted, and the installation that it belongs to."""

    def __init__(self, world: DeletionWorld, instance: DagsterInstance, installation: Installation) -> None:
        self.world = world
        self.instance = instance
        self.installation = installation

    def proof(self, *users: str, **config: Any) -> Proof:
        return proof(self.instance, self.installation, ALL_JOBS, ProofConfig(users=list(users), **config))

    def left(self, user: str) -> set[tuple[str, str]]:
        return {(trace.where, trace.what) for trace in self.proof(user).left}

    def write(self, table: str, key: dict[str, Any], values: dict[str, Any]) -> None:
        cassandra = Cassandra(self.world.settings)
        row = [*key.values(), *values.values(), int(time.time() * 1_000_000)]
        cassandra.apply(RowWrites(table, tuple(key), tuple(values), rows=[row], insert=True))
        cassandra.close()


@pytest.fixture(scope="module")
def office(local_stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    directory: Path = tmp_path_factory.mktemp("deletion")
    with ThirdParty([UserOrganisation(), Keycloak()]) as server, pytest.MonkeyPatch.context() as patch:
        world = DeletionWorld(local_stack.addresses, directory, EVENTS, 100, server)
        world.publish(0, EVENTS)
        world.drained()
        for name in [name for name in os.environ if name.startswith("LERN_PIPELINE_")]:
            patch.delenv(name)
        for name, value in world.environment.items():
            patch.setenv(name, value)
        # A file of its own, so that nothing is taken from another test's configuration.
        config = directory / "lern.yaml"
        config.write_text(
            f"env: {world.token}\ndeletion.proof.left.out: mongodb\n"
            f"ml-cassandra.host: {local_stack.addresses.cassandra_host}\n"
            f"ml-cassandra.port: {local_stack.addresses.cassandra_port}\n"
        )
        with DagsterInstance.from_config(world.environment["DAGSTER_HOME"]) as instance:
            yield Office(world, instance, Installation(config_file=str(config)))


def test_before_shredding_only_the_archive_of_the_deletion_names_the_user(office: Office) -> None:
    user = office.world.user(0)
    found = office.proof(user)
    assert not found.not_asked
    assert found.left_out == {"mongodb": "named by deletion.proof.left.out"}
    assert {(trace.where, trace.what) for trace in found.left} == {
        ("archive of user-deletion-cleanup", "1 micro-batch")
    }
    assert {(trace.where, trace.what) for trace in found.traces if trace.may_stay} == {
        ("sunbird.user", "blanked row"),
        ("sunbird.user_organisation", "1 membership"),
        # Keycloak keeps this one, and it was blanked.
        ("keycloak", "account"),
    }


def test_an_account_that_nobody_removed_is_found(office: Office) -> None:
    assert ("keycloak", "account") in office.left(office.world.user(BLOCKED))


def test_after_shredding_nothing_is_left_and_the_batch_says_so(office: Office) -> None:
    said = list(shred_deleted_users(office.instance, office.installation, ALL_JOBS, TODAY))
    assert [observation.asset_key.to_user_string() for observation in said] == ["user_deletion_cleanup"]
    assert said[0].metadata["no_longer_rerunnable"].value == (
        "shredded on 2027-01-02, since it held data of a user who was deleted"
    )
    assert list(shred_deleted_users(office.instance, office.installation, ALL_JOBS, TODAY)) == []
    for number in (0, 1, 3, 4):
        assert office.left(office.world.user(number)) == set()
    assert office.left(office.world.managed(4)) == set()
    # They are looked for without being named, though the events that named them are gone.
    unnamed = office.proof(whole_tables=False)
    assert {office.world.user(number) for number in range(EVENTS)} <= {trace.user_id for trace in unnamed.traces}
    assert "not looked into" in str(check_result(unnamed).description)


def test_whatever_comes_back_is_found(office: Office) -> None:
    world, user = office.world, office.world.user(1)
    office.write("sunbird.user", {"id": user}, {"firstname": "Asha", "email": "E7=="})
    office.write("sunbird.user_lookup", {"type": "email", "value": f"E-{user}"}, {"userid": user})
    identity = {"provider": "org", "idtype": "declared-ext-id", "externalid": f"X-{user}"}
    office.write("sunbird.usr_external_identity", identity, {"userid": user})
    caches = RedisServers(world.settings)
    caches.apply(CacheWrites("redis-meta", CACHE, [[UpdateHash(f"user:{user}", (), {"firstname": "Asha"})]]))
    caches.close()
    assert office.left(user) == {
        ("sunbird.user", "has firstname, email"),
        ("sunbird.user_lookup", "1 row of type email"),
        ("sunbird.usr_external_identity", "1 row"),
        (f"redis redis-meta {CACHE}", "cached profile"),
    }


def test_what_may_stay_is_shown_with_its_reason(office: Office) -> None:
    world, user = office.world, office.world.user(3)
    course, batch = f"do_{world.token}", f"b-{world.token}"
    issued = [{"identifier": "c-1", "name": "Merit"}]
    enrolment = {"userid": user, "courseid": course, "batchid": batch}
    office.write("sunbird_courses.user_enrolments", enrolment, {"status": 2, "issued_certificates": issued})
    office.write("sunbird_courses.user_content_consumption", enrolment | {"contentid": "do_1"}, {"status": 2})
    aggregate = {"activity_type": "Course", "activity_id": course, "user_id": user, "context_id": f"cb:{batch}"}
    office.write("sunbird_courses.user_activity_agg", aggregate, {"aggregates": {"completedCount": 1.0}})
    office.write(
        "sunbird_programs.program_enrollment", {"program_id": "p-1", "user_id": user}, {"user_type": "teacher"}
    )
    producer = KafkaProducer(bootstrap_servers=world.bootstrap)
    producer.send(world.job.failed_topic(world.settings), json.dumps({"edata": {"userId": user}}).encode())
    producer.flush()
    producer.close()
    found = office.proof(user)
    assert found.holds
    reasons = {(trace.where, trace.what): trace.may_stay for trace in found.traces}
    assert "certificates that were issued" in reasons["sunbird_courses.user_enrolments", "1 certificate"]
    for table in ("user_enrolments", "user_content_consumption", "user_activity_agg"):
        assert "learning record" in reasons[f"sunbird_courses.{table}", "1 row"]
    assert "programmes" in reasons["sunbird_programs.program_enrollment", "1 row"]
    assert "retention" in reasons[f"topic {world.job.failed_topic(world.settings)}", "1 failed event"]


def test_a_store_that_does_not_answer_is_told_of(office: Office) -> None:
    user = office.world.user(4)
    office.world._server.add([{"service": "auth", "status": 500, "times": 50}])
    try:
        found = office.proof(user)
    finally:
        office.world._server._routes.clear()
    assert list(found.not_asked) == ["keycloak"]
    assert not found.holds
    # The others are asked all the same.
    assert "sunbird.user" in {trace.where for trace in found.traces}
