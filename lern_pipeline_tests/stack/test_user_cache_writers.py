"""user-cache-indexer and user-cache-updater on the same user, on the real servers: what they may write differently
(contract user-cache-indexer 7), what the platform's readers find (6), and that old data never wins over an event (8).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE_UPDATER
from lern_pipeline.microbatch.key import OffsetRange
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.services import services_for
from lern_pipeline_tests.jobs.user_cache_indexer.test_agreement import (
    PROFILE,
    ROW,
    SIGN_UP,
    VARIANTS,
    Variant,
    differing,
)
from lern_pipeline_tests.jobs.user_cache_indexer.test_readers import LOCATED, READERS, WITHOUT_WRITER
from lern_pipeline_tests.jobs.user_cache_updater.deciding import audit
from lern_pipeline_tests.stack.servers import Servers, key
from lern_pipeline_tests.stack.user_tables import DATABASE, UserTables
from lern_pipeline_tests.third_party.answers import Answer, Request
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.stack

#: A user whom every reader finds complete: all kinds of location, both names, mail and phone.
FULL_ROW = ROW | {
    "lastname": "Rao",
    "phone": "P1==",
    "profilelocation": json.dumps([{"type": kind, "id": f"id-{kind}"} for kind in LOCATED]),
}
FULL_PROFILE = PROFILE | {
    "lastName": "Rao",
    "encPhone": "P1==",
    "userLocations": [
        *({"type": kind, "name": f"a {kind}", "id": f"id-{kind}"} for kind in LOCATED),
        {"type": "school", "name": "GHPS [Hebbal]", "code": "2922"},
    ],
}


class UserServices:
    """The user and the framework service: one profile, as it is now."""

    name = "users"

    def __init__(self) -> None:
        self.profile: dict[str, Any] = {}

    def answer(self, request: Request) -> Answer | None:
        ok: dict[str, Any] = {"responseCode": "OK"}
        if "/framework/v1/read/" in request.whole_path:
            categories = [{"code": code} for code in ("board", "medium", "gradeLevel", "subject")]
            return Answer(ok | {"result": {"framework": {"categories": categories}}})
        return Answer(ok | {"result": {"response": self.profile}})

    def state(self) -> Any:
        return self.profile

    def add(self, state: Any) -> None:
        self.profile |= state


class Writers:
    """One user in Cassandra and in the user service, and the two who write their hash."""

    def __init__(self, servers: Servers, directory: Path) -> None:
        self.users = UserServices()
        self._address = ThirdParty([self.users])
        self.third_party = self._address.__enter__()
        self.tables = UserTables(servers, self.third_party, directory / "indexer")
        self._servers = servers
        self._topic = servers.topic(f"telemetry.audit.{directory.name}")
        own = {
            "kafka.input.topic": self._topic,
            "redis-meta.database.userstore.id": DATABASE,
            "service.userorg.basePath": self.third_party.address,
            "service.taxonomy.basePath": self.third_party.address,
            "regd.user.producer.pid": "userorg-service",
        }
        settings = servers.settings(USER_CACHE_UPDATER.name, own)
        self._services = services_for(settings)
        store = BatchStore(str(directory / "updater"), USER_CACHE_UPDATER.name)
        self._run = MicroBatchRun(USER_CACHE_UPDATER, settings, self._services, store)
        self._position = 0

    def give(self, row: dict[str, Any], profile: dict[str, Any]) -> None:
        """The user as both sides know them."""
        self.tables.write("user", ("id",), [{"id": "u1", "userid": "u1"} | row])
        self.users.profile = profile

    def change(self, columns: dict[str, str], profile: dict[str, Any]) -> None:
        """The user as both sides know them from now on."""
        cassandra = self.tables.services.rows
        assert isinstance(cassandra, Cassandra)
        names = ", ".join(f"{name} = %s" for name in columns)
        cassandra.session().execute(f"UPDATE sunbird.user SET {names} WHERE id = 'u1'", list(columns.values()))
        self.users.profile = profile

    def give_memberships_and_places(self) -> None:
        members = [{"userid": "u1", "organisationid": id_, "isdeleted": False} for id_ in ("org-cust", "org-s1")]
        self.tables.write("user_organisation", ("userid", "organisationid"), members)
        places = [{"id": f"id-{kind}", "type": kind, "name": f"a {kind}"} for kind in LOCATED]
        self.tables.write("location", ("id",), places)

    def index(self) -> Any:
        return self.tables.run(count=1)

    def event(self, cdata: Any = SIGN_UP) -> BatchResult:
        """One audit event of the user service, as a batch."""
        self._servers.send(self._topic, [json.dumps(audit("u1", cdata=cdata)).encode()])
        start, self._position = self._position, self._position + 1
        result = self._run.execute(key(str(OffsetRange(0, start, start + 1))), 1, rerun=False)
        assert result.account.processed == 1
        return result

    def close(self) -> None:
        self._services.close()
        self.tables.services.close()
        self._address.__exit__(None, None, None)


@pytest.fixture
def client(servers: Servers) -> Iterator[redis.Redis]:
    with servers.redis(DATABASE) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def writers(servers: Servers, tmp_path: Path, client: redis.Redis) -> Iterator[Writers]:
    writers = Writers(servers, tmp_path)
    writers.tables.truncate()
    writers.tables.give_common_data()
    writers.give_memberships_and_places()
    yield writers
    writers.tables.truncate()
    writers.close()


def written_by(writers: Writers, client: redis.Redis, who: str) -> dict[str, str]:
    """The hash that one of them makes of an empty cache."""
    client.flushdb()
    if who == "indexer":
        assert writers.index().written == 1
    else:
        writers.event()
    found: dict[str, str] = client.hgetall("user:u1")
    return found


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_the_same_user_differs_in_what_is_allowed_and_in_nothing_else(
    writers: Writers, client: redis.Redis, variant: Variant
) -> None:
    writers.give(ROW | variant.row, variant.profile)
    indexer, updater = (written_by(writers, client, who) for who in ("indexer", "updater"))
    assert differing(indexer, updater) == variant.differing
    assert len(indexer.keys() & updater.keys()) >= 12


def test_what_has_gone_goes_whoever_writes(writers: Writers, client: redis.Redis) -> None:
    """Location, school and framework of another time (contract 7, stale fields; R2)."""
    stale = {"block": "Old", "cluster": "Old", "framework_topic": '["Old"]'}
    writers.give(ROW, PROFILE)
    for write in (writers.index, writers.event):
        client.hset("user:u1", mapping=stale | {"zone": "South"})
        write()
        found = client.hgetall("user:u1")
        assert found["zone"] == "South"
        assert not found.keys() & stale.keys()


@pytest.mark.parametrize("who", ["indexer", "updater"])
def test_every_reader_finds_what_it_needs(writers: Writers, client: redis.Redis, who: str) -> None:
    """As a report reads: `user:*`, an explicit list of fields, every one a string."""
    writers.give(FULL_ROW, FULL_PROFILE)
    written_by(writers, client, who)
    (name,) = client.scan_iter("user:*", count=1000)
    assert name == "user:u1"
    assert client.type(name) == "hash"
    for reader, fields in READERS.items():
        found = dict(zip(fields, client.hmget(name, list(fields)), strict=True))
        assert {field for field, value in found.items() if not value} == set(), reader
    (status, board, root), no_writer = (
        client.hmget(name, ["status", "framework_board", "rootorgid"]),
        dict(zip(WITHOUT_WRITER, client.hmget(name, list(WITHOUT_WRITER)), strict=True)),
    )
    assert (int(status), json.loads(board)[0], root) == (1, "State & Private", "org-cust")
    assert {field for field, value in no_writer.items() if value} == ({"userlogintype"} if who == "updater" else set())


@pytest.mark.parametrize("seen_before", [False, True], ids=["new hash", "hash there"])
def test_an_event_between_the_indexers_read_and_its_write_wins(
    writers: Writers, client: redis.Redis, seen_before: bool
) -> None:
    """The rows that the indexer has read are old by then: it looks again, and writes nothing of them."""
    writers.give(ROW, PROFILE)
    if seen_before:
        writers.event()
    rows, reads = writers.tables.services.rows, []
    scan = rows.scan

    def meanwhile(table: str, columns: Any, *arguments: Any) -> Iterator[Any]:
        pages = list(scan(table, columns, *arguments))
        if table == "sunbird.user" and "firstname" in columns:
            reads.append(pages)
            if len(reads) == 1:
                # The user service writes its row, and then tells of it.
                writers.change(
                    {"firstname": "New", "profilelocation": json.dumps([{"type": "state", "id": "id-state"}])},
                    PROFILE | {"firstName": "New", "userLocations": [{"type": "state", "name": "a state"}]},
                )
                writers.event()
        yield from pages

    rows.scan = meanwhile  # type: ignore[method-assign]
    tally = writers.index()
    assert len(reads) == 2, "the indexer did not look again"
    assert (tally.selected, tally.failed) == (1, 0)
    found = client.hgetall("user:u1")
    assert (found["firstname"], found["state"], found["userlogintype"]) == ("New", "a state", "teacher")
    assert "district" not in found
