"""Publishing and republishing a course on the real servers (contract relation-cache-updater, E1 and E2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER as JOB
from lern_pipeline.microbatch.key import OffsetRange
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.services import services_for
from lern_pipeline_tests.jobs.relation_cache_updater.test_contract_examples import E1, E1_U1, E2
from lern_pipeline_tests.stack.learner_tables import LearnerTables
from lern_pipeline_tests.stack.servers import Servers, key

pytestmark = pytest.mark.stack

KEYSPACE = "stack_hierarchy_store"
ROOT = "do_C10"
SETS, UNITS = 10, 5


class Publisher:
    """The content platform, and batches of its events."""

    def __init__(self, servers: Servers, store: BatchStore) -> None:
        self.servers = servers
        self.settings = servers.settings(JOB.name, {"lms-cassandra.keyspace": KEYSPACE})
        self.services = services_for(self.settings)
        self.run = MicroBatchRun(JOB, self.settings, self.services, store)
        self.tables = LearnerTables(servers)
        self.topic = servers.topic("content.postpublish.request")
        self.position = 0
        session = self.tables.session
        session.execute(
            f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} "
            "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        session.execute(
            f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.content_hierarchy (identifier text PRIMARY KEY, hierarchy text)"
        )

    def publish(self, hierarchy: str, events: int = 1) -> BatchResult:
        self.tables.session.execute(
            f"INSERT INTO {KEYSPACE}.content_hierarchy (identifier, hierarchy) VALUES (%s, %s)", [ROOT, hierarchy]
        )
        edata = {
            "action": "post-publish-process",
            "identifier": ROOT,
            "mimeType": "application/vnd.ekstep.content-collection",
        }
        self.servers.send(self.topic, [json.dumps({"edata": edata}).encode()] * events)
        start, self.position = self.position, self.position + events
        return self.run.execute(key(str(OffsetRange(0, start, self.position))), 1, rerun=False)

    def sets(self) -> dict[str, set[str]]:
        with self.servers.redis(SETS) as client:
            return {name: client.smembers(name) for name in client.scan_iter(f"{ROOT}:*", count=1000)}

    def close(self) -> None:
        self.services.close()
        self.tables.close()


@pytest.fixture(scope="module")
def publisher(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    publisher = Publisher(servers, BatchStore(str(tmp_path_factory.mktemp("batches")), JOB.name))
    publisher.tables.forget([], [ROOT])
    yield publisher
    publisher.tables.forget([], [ROOT])
    publisher.close()


@pytest.fixture(scope="module")
def first(publisher: Publisher) -> Any:
    result = publisher.publish(E1, events=2)
    with publisher.servers.redis(UNITS) as client:
        units = {unit: client.get(unit) for unit in ("do_U1", "do_U1a", "do_U2", "do_U3")}
    return result, publisher.sets(), units


def test_e1_publishing_writes_every_key(first: Any) -> None:
    _, sets, units = first
    assert len(sets) == 10
    assert sets["do_C10:do_C10:leafnodes"] == {"do_V1", "do_P1", "do_Q1"}
    assert sets["do_C10:do_P1:ancestors"] == {"do_U1a", "do_U1", "do_C10"}
    assert json.loads(units["do_U1"]) == json.loads(E1_U1)
    assert units["do_U3"] is None


def test_two_events_of_one_course_are_one_read_and_one_computation(first: Any) -> None:
    result, _, _ = first
    assert result.account.processed == 2
    assert result.counts["cassandra.keys_read"] == 1
    assert result.plan.metrics["cache-write-count"] == 13


def test_e2_republishing_removes_what_is_stale(publisher: Publisher, first: Any) -> None:
    publisher.publish(E2)
    assert publisher.sets() == {
        "do_C10:do_C10:leafnodes": {"do_V1", "do_P1"},
        "do_C10:do_U1:leafnodes": {"do_V1", "do_P1"},
        "do_C10:do_V1:ancestors": {"do_U1", "do_C10"},
        "do_C10:do_P1:ancestors": {"do_U1", "do_C10"},
        # Units that have left the course: nobody looks for them any more.
        "do_C10:do_U1a:leafnodes": {"do_P1"},
        "do_C10:do_U1a:optionalnodes": {"do_P1"},
        "do_C10:do_U2:leafnodes": {"do_V1", "do_Q1"},
    }


def test_a_course_that_is_unknown_is_skipped_and_its_sets_stay(publisher: Publisher, first: Any) -> None:
    before = publisher.sets()
    result = publisher.publish("")
    assert result.account.skipped_total == 1
    assert publisher.sets() == before
