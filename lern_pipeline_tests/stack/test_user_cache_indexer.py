"""user-cache-indexer on a real Cassandra and Redis: the clients' part of it, races, and whole runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import redis

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.jobs.user_cache_indexer.buckets import Bucket, all_buckets
from lern_pipeline.jobs.user_cache_indexer.sample import compare_sample
from lern_pipeline.microbatch.plan import CacheChange, DeleteKey, UpdateHash
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline_tests.jobs.user_cache_indexer.cassandra_users import U1_HASH
from lern_pipeline_tests.stack.servers import Servers
from lern_pipeline_tests.stack.user_tables import DATABASE, INPUT, USERS, UserTables
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.stack


@pytest.fixture
def framework(third_party: ThirdParty) -> ThirdParty:
    categories = [{"code": code} for code in ("board", "medium", "gradeLevel", "subject")]
    third_party.answer("api", {"responseCode": "OK", "result": {"framework": {"categories": categories}}})
    return third_party


@pytest.fixture
def client(servers: Servers) -> Iterator[redis.Redis]:
    with servers.redis(DATABASE) as client, servers.redis(INPUT) as source:
        client.flushdb()
        source.flushdb()
        yield client
        client.flushdb()
        source.flushdb()


@pytest.fixture
def platform(servers: Servers, framework: ThirdParty, tmp_path: Path, client: redis.Redis) -> Iterator[UserTables]:
    platform = UserTables(servers, framework, tmp_path)
    platform.truncate()
    platform.give()
    yield platform
    platform.truncate()
    platform.services.close()


def test_everybody_is_indexed_and_again_nothing_changes(platform: UserTables, client: redis.Redis) -> None:
    tally = platform.run()
    assert (tally.selected, tally.written, tally.without_userid) == (USERS + 1, USERS + 1, 1)
    assert client.hgetall("user:u1") == U1_HASH
    assert client.hgetall("user:t7") == {
        "firstname": "Name",
        "rootorgid": "org-kar",
        "status": "1",
        "usersignintype": "Validated",
        "orgname": "Kar Dept",
        "usertype": "",
        "usersubtype": "",
        "profileusertypes": "",
    }
    assert client.dbsize() == USERS + 1
    assert client.ttl("user:u1") == -1
    tally = platform.run(count=3)
    assert (tally.written, tally.unchanged) == (0, USERS + 1)
    compared = compare_sample(platform.services, platform.settings, 100, "seed")
    assert compared.agrees
    assert compared.users > 50
    assert compared.hashes > 50


def test_a_refresh_keeps_whom_cassandra_or_nobody_knows(platform: UserTables, client: redis.Redis) -> None:
    platform.run()
    client.hset("user:u1", mapping={"block": "Old", "userlogintype": "teacher"})
    client.hset("user:anon9", mapping={"usersignintype": "Anonymous", "userlogintype": "student"})
    client.hset("user:ghost", mapping={"usersignintype": "Validated"})
    for number in range(500):
        client.hset(f"user:gone{number}", mapping={"usersignintype": "Validated"})
    client.set("user:text", "x")
    client.set("other", "x")
    tally = platform.run("refresh")
    assert tally.keys_deleted == 501
    assert client.hgetall("user:u1") == U1_HASH | {"userlogintype": "teacher"}
    assert client.hgetall("user:anon9") == {"usersignintype": "Anonymous", "userlogintype": "student"}
    assert client.dbsize() == USERS + 1 + 3


def test_anonymous_users_are_copied(platform: UserTables, servers: Servers, client: redis.Redis) -> None:
    with servers.redis(INPUT) as source:
        for number in range(300):
            source.hset(f"user:a{number}", mapping={"usersignintype": "Anonymous", "userlogintype": "student"})
        source.hset("user:r", mapping={"usersignintype": "Validated"})
    assert platform.run("anonymous").copied == 300
    assert client.dbsize() == 300
    assert client.hgetall("user:a7") == {"usersignintype": "Anonymous", "userlogintype": "student"}


def test_one_user_and_the_framework_read(platform: UserTables, framework: ThirdParty, client: redis.Redis) -> None:
    assert platform.run(specific="u1").written == 1
    assert client.dbsize() == 1
    (request,) = framework.requests
    assert request.whole_path == "/api/framework/v1/read/kar"
    assert request.headers["user-id"] == "analytics"


def test_the_extended_set(
    servers: Servers, framework: ThirdParty, platform: UserTables, tmp_path: Path, client: redis.Redis
) -> None:
    extended = UserTables(servers, framework, tmp_path, **{"extended.fields.enabled": "true"})
    identities = [{"provider": "org-kar", "idtype": "org-kar", "externalid": "k-7", "userid": "t7"}]
    extended.write("usr_external_identity", ("provider", "idtype", "externalid"), identities)
    declaration = {"userid": "u1", "orgid": "org-kar", "persona": "Teacher", "userinfo": {"declared-ext-id": "T-55"}}
    extended.write("user_declarations", ("userid", "orgid", "persona"), [declaration])
    extended.write("user", ("id",), [{"id": "t7", "phoneverified": True, "roles": ["A", "B"], "loginid": "L=="}])
    assert extended.run().written == USERS + 1
    assert client.hget("user:u1", "externalid") == "T-55"
    found = {"externalid": "k-7", "phoneverified": "true", "roles": '["A","B"]', "loginid": "L==", "id": "t7"}
    assert client.hgetall("user:t7").items() >= found.items()
    extended.services.close()


# --- the clients


@pytest.fixture
def caches(platform: UserTables) -> RedisServers:
    caches = platform.services.caches
    assert isinstance(caches, RedisServers)
    return caches


Hashes = Mapping[str, dict[str, str] | WrongType]


def test_a_change_between_read_and_write_makes_it_ask_again(caches: RedisServers, client: redis.Redis) -> None:
    keys = [f"user:{number}" for number in range(10)]
    seen: list[Hashes] = []

    def changes(hashes: Hashes) -> list[CacheChange]:
        seen.append(dict(hashes))
        if len(seen) == 1:
            client.hset("user:3", "by", "another")
        return [UpdateHash(key, (), {"at": str(len(seen))}) for key in hashes]

    caches.change_hashes("redis-meta", DATABASE, keys, changes)
    assert client.hgetall("user:3") == {"by": "another", "at": "2"}
    assert [len(hashes) for hashes in seen] == [10, 5, 5]
    assert {key: client.hget(key, "at") for key in keys}.keys() == set(keys)
    assert all(client.hget(key, "at") for key in keys)


def test_a_key_that_never_rests_ends_with_one_line(caches: RedisServers, client: redis.Redis) -> None:
    def changes(hashes: Hashes) -> list[CacheChange]:
        client.hincrby("user:1", "n", 1)
        return [DeleteKey("user:1")]

    with pytest.raises(ServiceUnavailable, match="does not come to rest"):
        caches.change_hashes("redis-meta", DATABASE, ["user:1"], changes)
    assert client.exists("user:1")


def test_two_writers_lose_nothing(caches: RedisServers, platform: UserTables, client: redis.Redis) -> None:
    """Counting by read and write comes out right only if each is undisturbed."""

    def count(caches: RedisServers) -> None:
        for _ in range(40):
            caches.change_hashes(
                "redis-meta",
                DATABASE,
                ["user:1"],
                lambda hashes: [UpdateHash("user:1", (), {"n": str(int(dict(hashes["user:1"]).get("n", 0)) + 1)})],  # type: ignore[arg-type]
            )

    other = RedisServers(platform.settings)
    thread = threading.Thread(target=count, args=(other,))
    thread.start()
    count(caches)
    thread.join()
    other.close()
    assert client.hget("user:1", "n") == "80"


def test_keys_are_found_by_pattern(caches: RedisServers, client: redis.Redis) -> None:
    with client.pipeline() as pipe:
        for number in range(2500):
            pipe.set(f"user:{number}", "x")
        pipe.set("_spark:user:schema", "x")
        pipe.set(b"user:\xff", "x")
        pipe.execute()
    found = [key for keys in caches.keys("redis-meta", DATABASE, "user:*", 100) for key in keys]
    assert set(found) == {f"user:{number}" for number in range(2500)}


def test_fields_of_many_hashes(caches: RedisServers, client: redis.Redis) -> None:
    client.hset("user:1", mapping={"a": "ü", "c": "x"})
    client.set("user:2", "x")
    found = caches.hash_fields("redis-meta", DATABASE, ["user:1", "user:2", "user:3"], ("a", "b"))
    assert found == {"user:1": ("ü", None), "user:3": (None, None)}


def test_rows_by_an_index_and_by_the_partition_key(platform: UserTables) -> None:
    """The table of external ids has either, depending on its layout (platform P2)."""
    rows, names = platform.services.rows, ("userid", "externalid")
    identities = [{"provider": "p", "idtype": "i", "externalid": f"e{n}", "userid": f"t{n % 2}"} for n in range(4)]
    platform.write("usr_external_identity", ("provider", "idtype", "externalid"), identities)
    found = rows.select_each("sunbird.usr_external_identity", names, "userid", ["t0", "t0", "t9"])
    assert sorted(found) == [("t0", "e0"), ("t0", "e2")]
    found = rows.select_each("sunbird.user_organisation", ("userid", "organisationid"), "userid", ["u1", "t3", "t3"])
    assert sorted(found) == [("t3", "org-kar"), ("u1", "org-cust"), ("u1", "org-s1")]


def test_a_bucket_is_what_the_servers_tokens_say(platform: UserTables) -> None:
    rows = platform.services.rows
    assert isinstance(rows, Cassandra)
    found: list[str] = []
    for bucket in all_buckets(5):
        ids = [id_ for page in rows.scan("sunbird.user", ("id",), "id", {}, bucket.tokens) for (id_,) in page]
        assert {Bucket.of(token, 5) for token in rows.tokens(ids)} == {bucket}
        found += ids
    assert sorted(found) == sorted(["u1", "ghost", *(f"t{number}" for number in range(USERS))])
