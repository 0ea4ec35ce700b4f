"""Whole transfers on real servers, with a batch search that sees what the search cluster shows (contract 12)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lern_pipeline.jobs.user_ownership_transfer.job import USER_OWNERSHIP_TRANSFER as JOB
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.services import services_for
from lern_pipeline_tests.jobs.user_ownership_transfer.course_batches import ORGANISATION, TABLE, transferring
from lern_pipeline_tests.search_documents import SearchDocuments
from lern_pipeline_tests.stack.servers import Servers, key
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.batch_search import INDEX, BatchSearch
from lern_pipeline_tests.third_party.services.user_organisation import UserOrganisation

pytestmark = pytest.mark.stack

Owners = tuple[str | None, list[str]]


class Lms:
    """The topic, course batches in both stores, and batches of what is published. Ids end with the environment."""

    def __init__(self, servers: Servers, store: BatchStore, web: ThirdParty, cluster: str) -> None:
        self.servers, self.web = servers, web
        own = {
            "kafka.input.topic": f"{servers.env}.user.ownership.transfer",
            "service.lms.basePath": web.address,
            "service.userorg.basePath": web.address,
            "es.basePath": cluster,
        }
        settings = servers.settings(JOB.name, own)
        self.services = services_for(settings)
        self.documents = SearchDocuments(cluster)
        self.documents.refreshes_only_when_asked(INDEX)
        web.services["batches"].add({"cluster": cluster})
        self._run = MicroBatchRun(JOB, settings, self.services, store)
        self.topic = servers.topic("user.ownership.transfer")
        self.position = 0

    def id(self, name: str) -> str:
        return f"{name}-{self.servers.env}"

    def member(self, *names: str) -> None:
        for name in names:
            profile = {"identifier": self.id(name).upper(), "rootOrgId": ORGANISATION.lower()}
            self.web.services["users"].add({"users": {self.id(name): profile}})

    def batches(self, created_by: str, mentors: list[str], *batches: str) -> None:
        """Rows and documents of batches with the same owners."""
        creator, others = self.id(created_by), [self.id(mentor) for mentor in mentors]
        columns = ("createdby", "mentors", "status", "name")
        rows = [[self.id("do"), self.id(batch), creator, others or None, 1, f"N {creator}", 1] for batch in batches]
        self.services.rows.apply(RowWrites(TABLE, ("courseid", "batchid"), columns, rows=rows))
        for batch in batches:
            document = {
                "batchId": self.id(batch),
                "courseId": self.id("do"),
                "createdBy": creator,
                "mentors": others,
                "status": 1,
                "name": f"N {creator}",
            }
            self.documents.give(INDEX, self.id(batch), document)
        self.documents.refreshes_only_when_asked(INDEX)

    def transfer(self, old: str, new: str) -> None:
        event = {"edata": transferring(self.id(old), self.id(new))}
        self.servers.send(self.topic, [json.dumps(event).encode()])

    def run(self) -> BatchResult:
        start, self.position = self.position, len(self.servers.records(self.topic))
        return self.execute(key(str(OffsetRange(0, start, self.position))))

    def execute(self, micro_batch: MicroBatchKey, rerun: bool = False) -> BatchResult:
        return self._run.execute(micro_batch, 1, rerun)

    def owners(self, *batches: str) -> list[Owners]:
        """What row and document agree on, without the environment."""
        columns = ("batchid", "createdby", "mentors", "name", "status")
        keys = [(self.id("do"), self.id(batch)) for batch in batches]
        rows = {row[0]: row[1:] for row in self.services.rows.select(TABLE, columns, ("courseid",), "batchid", keys)}
        documents = self.documents.of(INDEX)
        found: list[Owners] = []
        for batch in map(self.id, batches):
            created_by, mentors, name, status = rows[batch]
            document: dict[str, Any] = documents[batch]
            assert (document["createdBy"], document["mentors"]) == (created_by, mentors or [])
            assert (document["name"], document["status"]) == (name, status)
            found.append((self._name(created_by), [self._name(mentor) for mentor in mentors or []]))
        return found

    def _name(self, user: str) -> str:
        return user.removesuffix(f"-{self.servers.env}")


@pytest.fixture(scope="module")
def lms(servers: Servers, search_cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lms]:
    store = BatchStore(str(tmp_path_factory.mktemp("batches")), JOB.name)
    with ThirdParty([BatchSearch(), UserOrganisation()]) as web:
        made = Lms(servers, store, web, search_cluster)
        yield made
        made.services.close()
        made.documents.close()


def test_all_of_many_batches_change_hands_and_the_next_search_knows(lms: Lms) -> None:
    lms.member("a", "b")
    created = [f"c{number:02}" for number in range(33)]
    mentored = [f"m{number:02}" for number in range(32)]
    lms.batches("a", [], *created)
    lms.batches("x", ["a", "y"], *mentored)
    lms.batches("a", ["y", "a"], "both")
    lms.transfer("a", "b")
    result = lms.run()
    assert lms.owners(*created) == [("b", [])] * 33
    assert lms.owners(*mentored) == [("x", ["b", "y"])] * 32
    assert lms.owners("both") == [("b", ["y", "b"])]
    assert result.counts["search.course-batch.updated"] == 66
    # The index refreshes only when it is asked to; a second event finds nothing left.
    lms.transfer("a", "b")
    again = lms.run()
    assert again.account.processed == 1
    assert again.plan.rows == []
    assert again.plan.metrics["batches-left-alone"] == 0


def test_a_rerun_writes_nothing(lms: Lms) -> None:
    lms.member("r", "s")
    lms.batches("r", ["r"], "again")
    lms.transfer("r", "s")
    first = lms.run()
    assert lms.owners("again") == [("s", ["s"])]
    rerun = lms.execute(MicroBatchKey.parse(first.plan.key), rerun=True)
    assert rerun.account.processed == 1
    assert rerun.plan.rows == []
    assert lms.owners("again") == [("s", ["s"])]


@pytest.mark.parametrize("together", [True, False])
def test_what_one_has_just_got_goes_on_in_one_batch_or_two(lms: Lms, together: bool) -> None:
    p, q, r = (f"{name}{together}" for name in "pqr")
    lms.member(p, q, r)
    lms.batches(p, [p, "y"], f"first{together}")
    lms.batches("x", [q, p], f"second{together}")
    lms.transfer(p, q)
    if not together:
        lms.run()
    lms.transfer(q, r)
    lms.run()
    assert lms.owners(f"first{together}", f"second{together}") == [(r, [r, "y"]), ("x", [r])]


def test_a_list_of_mentors_written_twice_is_not_doubled(lms: Lms) -> None:
    lms.member("t", "u")
    lms.batches("t", ["y", "t"], "twice")
    lms.transfer("t", "u")
    result = lms.run()
    for writes in result.plan.rows:
        lms.services.rows.apply(writes)
    assert lms.owners("twice") == [("u", ["y", "u"])]
