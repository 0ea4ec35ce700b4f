"""user-cache-indexer killed in the middle of a bucket, and the bucket again: the hashes are those of an undisturbed
run, and whoever reads meanwhile finds every user, with the hash of before or of after.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.settings.variable import environment_name
from lern_pipeline_tests.conftest import RunningStack
from lern_pipeline_tests.stack.servers import Servers
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.faults

USERS, GROUP, BUCKET = 400, 40, "000-of-2"
TABLES = ("user", "user_organisation", "organisation", "location", "system_settings")
#: The databases of the disturbed runs, and of one that nothing happens to.
DISTURBED, CALM = 14, 15
ANONYMOUS = {"usersignintype": "Anonymous", "userlogintype": "student"}

Hashes = dict[str, dict[str, str]]


def before(number: int) -> dict[str, str]:
    """Of the user's time in another place and with another framework; logged in as a teacher."""
    return {
        "firstname": f"Old {number}",
        "block": f"Old block {number}",
        "schoolname": "Old school",
        "framework_id": "old",
        "framework_topic": '["Old"]',
        "userlogintype": "teacher",
    }


class Indexed:
    """Users in Cassandra who have moved since their hashes were written."""

    def __init__(self, servers: Servers, framework: ThirdParty, home: Path) -> None:
        self._servers = servers
        self._home = home
        self._framework = framework

    def give(self) -> None:
        cassandra = Cassandra(self._servers.settings())
        for table in TABLES:
            cassandra.session().execute(f"TRUNCATE sunbird.{table}", timeout=120)
        framework = {"id": ["kar"], "board": ["State"], "medium": ["Kannada"]}
        places = '[{"type":"state","id":"L1"}]'
        users = [[f"u{n}", f"u{n}", f"New {n}", "org", framework, places, 1, 1] for n in range(USERS)]
        columns = ("userid", "firstname", "rootorgid", "framework", "profilelocation", "status")
        custodian = ["custodianOrgId", "custodianOrgId", "org", 1]
        members = [[f"u{n}", "org", False, 1] for n in range(USERS)]
        for writes in (
            RowWrites("sunbird.system_settings", ("id",), ("field", "value"), rows=[custodian]),
            RowWrites("sunbird.organisation", ("id",), ("orgname", "organisationtype"), rows=[["org", "Org", 5, 1]]),
            RowWrites("sunbird.location", ("id",), ("name", "type"), rows=[["L1", "Karnataka", "state", 1]]),
            RowWrites("sunbird.user", ("id",), columns, rows=users),
            RowWrites("sunbird.user_organisation", ("userid", "organisationid"), ("isdeleted",), rows=members),
        ):
            cassandra.apply(writes)
        cassandra.close()
        for database in (DISTURBED, CALM):
            with self._servers.redis(database) as client:
                client.flushdb()
                for number in range(USERS):
                    client.hset(f"user:u{number}", mapping=before(number))
                client.hset("user:anonymous", mapping=ANONYMOUS)

    def forget(self) -> None:
        cassandra = Cassandra(self._servers.settings())
        for table in TABLES:
            cassandra.session().execute(f"TRUNCATE sunbird.{table}", timeout=120)
        cassandra.close()
        for database in (DISTURBED, CALM):
            with self._servers.redis(database) as client:
                client.flushdb()

    def run(self, database: int, refresh: bool, crash_at: str | None = None) -> dict[str, Any]:
        """The bucket's metadata; of a run that was killed: nothing."""
        values = self._servers.values() | {
            "redis.user.database.index": database,
            "redis.max.pipeline.size": GROUP,
            "user.index.buckets": 2,
            "taxonomy.basePath": self._framework.address,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
        environment |= {environment_name(name): str(value) for name, value in values.items()}
        environment |= {"DAGSTER_HOME": str(self._home)}
        if crash_at:
            environment["LERN_PIPELINE_CRASH_AT"] = crash_at
        command = [sys.executable, "-m", "lern_pipeline_tests.faults.indexer_process", BUCKET]
        ended = subprocess.run(
            [*command, json.dumps({"refresh_user_data": refresh})],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == (-signal.SIGKILL if crash_at else 0), ended.stderr[-2000:]
        found: dict[str, Any] = {} if crash_at else json.loads(ended.stdout.strip().rpartition("\n")[2])
        return found

    def hashes(self, database: int) -> Hashes:
        """Of every user, as one look at all of them finds them."""
        keys = [*(f"user:u{number}" for number in range(USERS)), "user:anonymous"]
        with self._servers.redis(database) as client:
            return dict(zip(keys, looked_at(client, keys), strict=True))

    def keys(self, database: int) -> int:
        with self._servers.redis(database) as client:
            return int(client.dbsize())


def looked_at(client: redis.Redis, keys: list[str]) -> list[dict[str, str]]:
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hgetall(key)
        found: list[dict[str, str]] = pipe.execute()
    return found


class Reader:
    """A report that reads all hashes again and again, from `with` to its end, and keeps what it should not see."""

    def __init__(self, indexed: Indexed, allowed: dict[str, list[dict[str, str]]]) -> None:
        self._indexed = indexed
        self._allowed = allowed
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.looks = 0
        self.wrong: list[str] = []

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._ended.is_set():
            for key, found in self._indexed.hashes(DISTURBED).items():
                if found not in self._allowed[key]:
                    self.wrong.append(f"{key}: {found}")
            self.looks += 1


@pytest.fixture
def indexed(local_stack: RunningStack, third_party: ThirdParty, tmp_path: Path) -> Iterator[Indexed]:
    categories = [{"code": code} for code in ("board", "medium")]
    third_party.answer("api", {"responseCode": "OK", "result": {"framework": {"categories": categories}}})
    indexed = Indexed(Servers.at(local_stack.addresses), third_party, tmp_path)
    indexed.give()
    yield indexed
    indexed.forget()


@pytest.mark.parametrize(
    ("refresh", "point"), [(False, "between-groups#3"), (True, "between-groups#3"), (True, "between-chunks")]
)
def test_a_bucket_killed_in_the_middle_and_done_again_is_as_if_nothing_had_happened(
    indexed: Indexed, refresh: bool, point: str
) -> None:
    old = indexed.hashes(CALM)
    undisturbed = indexed.run(CALM, refresh)
    calm = indexed.hashes(CALM)
    changed = {key for key in calm if calm[key] != old[key]}
    assert len(changed) == undisturbed["users_written"] > GROUP * 3
    with Reader(indexed, {key: [old[key], calm[key]] for key in calm}) as reader:
        indexed.run(DISTURBED, refresh, crash_at=point)
        half = indexed.hashes(DISTURBED)
        written = sum(half[key] == calm[key] for key in changed)
        assert written == (len(changed) if point == "between-chunks" else GROUP * 3)
        again = indexed.run(DISTURBED, refresh)
    assert again["users_written"] == len(changed) - written
    assert again["users_written"] + again["users_unchanged"] == undisturbed["users_selected"]
    assert indexed.hashes(DISTURBED) == calm
    assert indexed.keys(DISTURBED) == USERS + 1
    assert reader.looks > 3
    assert not reader.wrong, "\n".join(reader.wrong[:20])
