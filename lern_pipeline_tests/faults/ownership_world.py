"""Course batches in Cassandra and a real search cluster, whose owners hand on what they have just been given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from lern_pipeline.jobs.user_ownership_transfer.job import USER_OWNERSHIP_TRANSFER
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline_tests.faults.job_world import KEYSPACE, OF_CACHES, ClientOf, JobWorld, Selection
from lern_pipeline_tests.search_documents import SearchDocuments
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.batch_search import INDEX

#: Transfers of one circle of people; the last is of somebody whom nobody knows.
CIRCLE = (("a", "b"), ("b", "c"), ("d", "a"), ("unknown", "a"))
MEMBERS = "abcd"
ORGANISATION = "org"

#: Batch → creator, mentors.
BATCHES: dict[str, tuple[str, list[str]]] = {
    "created": ("a", []),
    "mentored": ("x", ["m", "a", "d"]),
    "both": ("b", ["c", "b", "a"]),
    "last": ("d", ["d"]),
    "nobodys": ("x", ["m"]),
}


class OwnershipWorld(JobWorld):
    """``server``: has the user service and the LMS service. The search index refreshes only when it is asked to."""

    job = USER_OWNERSHIP_TRANSFER
    never_passed = OF_CACHES
    telling_points = ()
    servers = ("kafka", "cassandra", "opensearch")
    times = frozenset()

    def __init__(
        self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, server: ThirdParty
    ) -> None:
        self._server = server
        self._cluster = f"{addresses.opensearch_host}:{addresses.opensearch_port}"
        self.documents = SearchDocuments(self._cluster)
        super().__init__(addresses, directory, events, batch_size)

    def make_workload(self) -> None:
        self.environment |= {
            "LERN_PIPELINE_SERVICE_LMS_BASEPATH": self._server.address,
            "LERN_PIPELINE_SERVICE_USERORG_BASEPATH": self._server.address,
            "LERN_PIPELINE_ES_BASEPATH": self._cluster,
        }
        users = [self.person(circle, member) for circle in self._circles() for member in MEMBERS]
        profiles = {user: {"identifier": user, "rootOrgId": ORGANISATION} for user in users}
        self._server.services["users"].add({"users": profiles})
        self._server.services["batches"].add({"cluster": self._cluster})
        for circle, batch, creator, mentors in self._batches():
            document = {
                "batchId": batch,
                "courseId": self._course(circle),
                "createdBy": creator,
                "mentors": mentors,
                "status": 1,
                "description": f"of {creator}",
            }
            self.documents.give(INDEX, batch, document)
        self.documents.refreshes_only_when_asked(INDEX)

    def event(self, number: int) -> bytes:
        circle, step = divmod(number, len(CIRCLE))
        old, new = CIRCLE[step]
        edata = {
            "organisationId": ORGANISATION,
            "fromUserProfile": {"userId": self.person(circle, old)},
            "toUserProfile": {"userId": self.person(circle, new)},
        }
        return json.dumps({"edata": edata}).encode()

    def partition_of(self, number: int) -> int:
        """What one circle does comes in its order."""
        return number // len(CIRCLE) % 2

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        rows = [
            [self._course(circle), batch, creator, mentors, f"of {creator}", write_time_us]
            for circle, batch, creator, mentors in self._batches()
        ]
        columns = ("createdby", "mentors", "description")
        yield RowWrites(f"{KEYSPACE}.course_batch", ("courseid", "batchid"), columns, rows=rows)

    def selections(self) -> Iterator[Selection]:
        for circle in self._circles():
            yield f"{KEYSPACE}.course_batch", {"courseid": self._course(circle)}

    def keys_left(self, client_of: ClientOf) -> Mapping[str, str]:
        """The documents."""
        documents = self.documents.of(INDEX)
        return {f"{INDEX} {id_}": str(documents[id_]) for id_ in documents if self.token in id_}

    def person(self, circle: int, name: str) -> str:
        return f"{name}{circle}-{self.token}"

    def _circles(self) -> range:
        return range(self.events // len(CIRCLE))

    def _course(self, circle: int) -> str:
        return f"do_{self.token}_{circle}"

    def _batches(self) -> Iterator[tuple[int, str, str, list[str]]]:
        for circle in self._circles():
            for batch, (creator, mentors) in BATCHES.items():
                people = [self.person(circle, mentor) for mentor in mentors]
                yield circle, f"{batch}{circle}-{self.token}", self.person(circle, creator), people

    def close(self) -> None:
        self.documents.close()
