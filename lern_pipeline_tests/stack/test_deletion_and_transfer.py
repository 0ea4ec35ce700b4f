"""A user is deleted, and what the user has goes to another, in either order and through all four jobs that read of it.

On real servers. The user service deletes a user before it publishes the event: from then on it answers 400.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from bson import ObjectId
from pymongo import MongoClient

from lern_pipeline.jobs.ml_transfer_ownership.job import ML_TRANSFER_OWNERSHIP
from lern_pipeline.jobs.ml_user_delete.job import ML_USER_DELETE
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.jobs.user_ownership_transfer.job import USER_OWNERSHIP_TRANSFER
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import OffsetRange
from lern_pipeline.microbatch.plan import Account, RowWrites
from lern_pipeline.microbatch.run import MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.kafka_positions import KafkaPositions
from lern_pipeline.resources.services import services_for
from lern_pipeline_tests.jobs.user_ownership_transfer.course_batches import ORGANISATION, TABLE, transferring
from lern_pipeline_tests.search_documents import SearchDocuments
from lern_pipeline_tests.stack.servers import Servers, key
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.batch_search import INDEX, BatchSearch
from lern_pipeline_tests.third_party.services.user_organisation import UserOrganisation

pytestmark = pytest.mark.stack

Job = JobSpec[Any, Any]
DELETING: tuple[Job, ...] = (USER_DELETION_CLEANUP, ML_USER_DELETE)
TRANSFERRING: tuple[Job, ...] = (USER_OWNERSHIP_TRANSFER, ML_TRANSFER_OWNERSHIP)

ROLE = "PROGRAM_MANAGER"


class Platform:
    """All that old and new owner have, in every store; ids end with a token of the platform's own."""

    def __init__(
        self, servers: Servers, directory: str, web: ThirdParty, cluster: str, mongo_url: str, even_deleted: bool
    ) -> None:
        self.token = uuid4().hex[:8]
        self.servers = Servers(servers.addresses, f"{servers.env}{self.token}")
        self.web, self.directory = web, directory
        self._own = {
            "redis-meta.host": servers.addresses.redis_host,
            "redis-meta.port": servers.addresses.redis_port,
            "service.lms.basePath": web.address,
            "service.userorg.basePath": web.address,
            "es.basePath": cluster,
            "ml-mongo.uri": mongo_url,
            "ml-mongo.database": f"t{self.token}",
            "transfer.from.deleted.enabled": str(even_deleted).lower(),
        }
        self.mongo: MongoClient[dict[str, Any]] = MongoClient(mongo_url)
        self.documents = SearchDocuments(cluster)
        self.rows = services_for(self.servers.settings(USER_OWNERSHIP_TRANSFER.name, self._own)).rows
        self.topics = {name: self.servers.topic(name) for name in ("delete.user", "user.ownership.transfer")}
        self._web_state("batches", {"cluster": cluster})
        self._give()

    def id(self, name: str) -> str:
        return f"{name}-{self.token}"

    def close(self) -> None:
        self.mongo.drop_database(f"t{self.token}")
        self.mongo.close()
        self.documents.close()
        self.rows.close()
        self.servers.forget_topics()

    # --- what happens

    def delete(self) -> list[Account]:
        """The service deletes the old owner, and says so; the accounts of the jobs' batches."""
        self._web_state("users", {"users": {self.id("old"): {"blocked": True}}})
        edata = {"organisationId": ORGANISATION, "userId": self.id("old"), "action": "delete-user", "iteration": 1}
        return self._published("delete.user", {"mid": self.id("LP.1"), "edata": edata}, DELETING)

    def transfer(self) -> list[Account]:
        """All that the old owner has goes to the new one."""
        edata = transferring(self.id("old"), self.id("new"))
        edata["toUserProfile"]["roles"] = [ROLE]
        return self._published("user.ownership.transfer", {"mid": self.id("LP.2"), "edata": edata}, TRANSFERRING)

    def _published(self, topic: str, event: dict[str, Any], readers: Sequence[Job]) -> list[Account]:
        self.servers.send(self.topics[topic], [json.dumps(event).encode()])
        return [self._run(job) for job in readers]

    def run_again(self, job: Job, **changed: str) -> Account:
        """The job's batch once more, with other settings."""
        self._own |= {name.replace("_", "."): value for name, value in changed.items()}
        return self._run(job, rerun=True)

    def _run(self, job: Job, rerun: bool = False) -> Account:
        settings = self.servers.settings(job.name, self._own)
        services = services_for(settings)
        topic = job.input_topic(settings)
        try:
            run = MicroBatchRun(job, settings, services, BatchStore(f"{self.directory}/{self.token}", job.name))
            account = run.execute(key(str(OffsetRange(0, 0, 1))), 1, rerun).account
        finally:
            services.close()
        # Each reader has a position of its own.
        assert KafkaPositions(settings).committed(topic, job.consumer_group(settings)) == {0: 1}
        return account

    # --- what is there

    def found(self) -> dict[str, Any]:
        """Everything, without the token and with times reduced to "there is one"."""
        found = {
            "memberships": self._rows("sunbird.user_organisation", "userid", ("userid", "isdeleted", "orgleftdate")),
            "users": self._rows("sunbird.user", "id", ("id", "firstname", "status")),
            "batches": self._rows(TABLE, "courseid", ("batchid", "createdby", "mentors"), "do"),
            "search": {
                id_: {name: document[name] for name in ("createdBy", "mentors")}
                for id_, document in self.documents.of(INDEX).items()
                if self.token in id_
            },
            "cached": sorted(self.servers.redis(12).keys(f"user:*{self.token}")),
        }
        extensions = self.mongo[f"t{self.token}"]["userExtension"].find().sort("userId")
        found["roles"] = {one["userId"]: [role["code"] for role in one.get("platformRoles", ())] for one in extensions}
        for name in ("observations", "solutions", "programs"):
            documents = self.mongo[f"t{self.token}"][name].find({}, {"_id": 0}).sort("n")
            found[name] = [{member: document[member] for member in document if member != "n"} for document in documents]
        return json.loads(json.dumps(found, default=str).replace(f"-{self.token}", ""))

    def _rows(self, table: str, within: str, columns: tuple[str, ...], *names: str) -> list[list[Any]]:
        rows = self.rows.select(
            table, columns, equal=(), within=within, keys=[(self.id(name),) for name in names or ("old", "new")]
        )
        shown = [[bool(v) if c == "orgleftdate" else v for c, v in zip(columns, row, strict=True)] for row in rows]
        return sorted(shown, key=repr)

    def _give(self) -> None:
        old, new = self.id("old"), self.id("new")
        profiles = {user: {"identifier": user, "rootOrgId": ORGANISATION} for user in (old, new)}
        self._web_state("users", {"users": profiles})
        memberships = [[user, ORGANISATION, False, 1] for user in (old, new)]
        users = [[user, user, ORGANISATION, user.partition("-")[0], 1, 1] for user in (old, new)]
        batches = [
            [self.id("do"), self.id("created"), old, None, 1, 1],
            [self.id("do"), self.id("mentored"), new, [old, self.id("m")], 1, 1],
        ]
        given = (
            ("sunbird.user_organisation", ("userid", "organisationid"), ("isdeleted",), memberships),
            ("sunbird.user", ("id",), ("userid", "rootorgid", "firstname", "status"), users),
            (TABLE, ("courseid", "batchid"), ("createdby", "mentors", "status"), batches),
        )
        for table, key_, columns, rows in given:
            self.rows.apply(RowWrites(table, key_, columns, rows=rows))
        for course, batch, creator, mentors, status, _ in batches:
            document = {
                "batchId": batch,
                "courseId": course,
                "createdBy": creator,
                "mentors": mentors or [],
                "status": status,
            }
            self.documents.give(INDEX, batch, document)
        self.documents.refreshes_only_when_asked(INDEX)
        for user in (old, new):
            self.servers.redis(12).hset(f"user:{user}", mapping={"firstname": user})
        mongo = self.mongo[f"t{self.token}"]
        for number, user in enumerate((old, new)):
            name = user.partition("-")[0].title()
            mongo["observations"].insert_one({"n": number, "createdBy": user, "userProfile": {"firstName": name}})
            license_ = {"author": name, "creator": name}
            mongo["solutions"].insert_one({"n": number, "author": user, "creator": name, "license": license_})
        program = mongo["programs"].insert_one({"owner": old}).inserted_id
        role = {"roleId": ObjectId(), "code": ROLE, "programs": [program]}
        mongo["userExtension"].insert_one({"userId": old, "platformRoles": [role]})

    def _web_state(self, service: str, state: dict[str, Any]) -> None:
        self.web.services[service].add(state)


Make = Callable[[bool], Platform]


@pytest.fixture(scope="module")
def make(
    servers: Servers, search_cluster: str, mongo_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Make]:
    """A platform; the flag: whether deleted users may hand over course batches."""
    made: list[Platform] = []
    with ThirdParty([BatchSearch(), UserOrganisation()]) as web:

        def platform(even_deleted: bool) -> Platform:
            directory = str(tmp_path_factory.mktemp("batches"))
            made.append(Platform(servers, directory, web, search_cluster, mongo_url, even_deleted))
            return made[-1]

        yield platform
        for one in made:
            one.close()


#: After both, in whatever order, but for course batches.
GONE = {
    # Marked; the row itself is the user service's affair, which has deleted the user before.
    "memberships": [["new", False, False], ["old", True, True]],
    "users": [["new", "new", 1], ["old", "old", 1]],
    "cached": ["user:new"],
    # Masked where they stay with the old owner, with the new owner's name where they have gone over.
    "observations": [
        {"createdBy": "old", "userProfile": {"firstName": "Deleted User"}},
        {"createdBy": "new", "userProfile": {"firstName": "New"}},
    ],
    "solutions": [
        {"author": "new", "creator": "New", "license": {"author": "New", "creator": "New"}},
        {"author": "new", "creator": "New", "license": {"author": "New", "creator": "New"}},
    ],
    "programs": [{"owner": "new"}],
    "roles": {"new": [ROLE], "old": []},
}
HANDED_OVER = {
    "batches": [["created", "new", None], ["mentored", "new", ["new", "m"]]],
    "search": {
        "created": {"createdBy": "new", "mentors": []},
        "mentored": {"createdBy": "new", "mentors": ["new", "m"]},
    },
}
KEPT = {
    "batches": [["created", "old", None], ["mentored", "new", ["old", "m"]]],
    "search": {
        "created": {"createdBy": "old", "mentors": []},
        "mentored": {"createdBy": "new", "mentors": ["old", "m"]},
    },
}


def processed(accounts: list[Account]) -> list[int]:
    assert all(account.consumed == 1 and not account.failed for account in accounts)
    return [account.processed for account in accounts]


def test_transferred_then_deleted(make: Make) -> None:
    there = make(False)
    assert processed(there.transfer()) == [1, 1]
    assert processed(there.delete()) == [1, 1]
    assert there.found() == GONE | HANDED_OVER


def test_deleted_then_transferred_leaves_course_batches_with_the_old_owner(make: Make) -> None:
    there = make(False)
    assert processed(there.delete()) == [1, 1]
    skipped, handed_over = there.transfer()
    assert skipped.skipped == {"user read of the old owner answered 400": 1}
    assert handed_over.processed == 1
    assert there.found() == GONE | KEPT
    # As the guide says: allowed afterwards, and run again.
    assert there.run_again(USER_OWNERSHIP_TRANSFER, transfer_from_deleted_enabled="true").processed == 1
    assert there.found() == GONE | HANDED_OVER


def test_deleted_then_transferred_ends_in_the_same_where_deleted_users_may_hand_over(make: Make) -> None:
    there = make(True)
    assert processed(there.delete()) == [1, 1]
    assert processed(there.transfer()) == [1, 1]
    assert there.found() == GONE | HANDED_OVER
