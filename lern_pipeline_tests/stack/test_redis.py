"""Bulk reads and transactions on a real Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import redis

from lern_pipeline.errors import ConfigurationError, LernPipelineError
from lern_pipeline.microbatch.plan import CacheChange, CacheWrites, DeleteKey, ReplaceSet, SetText, UpdateHash
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline_tests.stack.servers import Servers

pytestmark = pytest.mark.stack

#: Databases that no job's defaults name.
DATABASE, OTHER = 14, 15


@pytest.fixture
def direct(servers: Servers) -> Iterator[redis.Redis]:
    """A client of the test's own; its databases are empty before and after."""
    client = servers.redis(DATABASE)
    client.flushdb()
    yield client
    client.flushdb()
    servers.redis(OTHER).flushdb()
    client.close()


@pytest.fixture
def caches(servers: Servers, direct: redis.Redis) -> Iterator[RedisServers]:
    caches = RedisServers(servers.settings(), Counter())
    yield caches
    caches.close()


def apply(caches: RedisServers, *transactions: list[CacheChange], database: int = DATABASE) -> None:
    caches.apply(CacheWrites("redis", database, list(transactions)))


def test_sets_are_read_in_bulk_each_key_once(caches: RedisServers, direct: redis.Redis) -> None:
    keys = [f"k{n}" for n in range(1500)]
    with direct.pipeline() as pipe:
        for key in keys:
            pipe.sadd(key, f"{key}-a", "ü")
        pipe.execute()
    found = caches.sets("redis", DATABASE, [*keys, *keys, "missing"])
    assert found["k7"] == {"k7-a", "ü"}
    assert found["missing"] == frozenset()
    assert caches.counts == {"redis.round_trips": 2, "redis.set_reads": 1501, "redis.set_misses": 1}


def test_a_key_of_another_type_is_as_good_as_none(caches: RedisServers, direct: redis.Redis) -> None:
    direct.set("text", "x")
    direct.rpush("list", "x")
    direct.hset("hash", "x", "1")
    direct.sadd("set", "x")
    found = caches.sets("redis", DATABASE, ["text", "list", "hash", "set"])
    assert found == {"text": frozenset(), "list": frozenset(), "hash": frozenset(), "set": {"x"}}


def test_existing_keys_of_any_type_are_told(caches: RedisServers, direct: redis.Redis) -> None:
    direct.set("empty", "")
    direct.sadd("set", "x")
    assert caches.existing("redis", DATABASE, ["empty", "set", "missing"]) == {"empty", "set"}


def test_every_kind_of_change_is_carried_out(caches: RedisServers, direct: redis.Redis) -> None:
    direct.sadd("replaced", "old", "kept")
    direct.setex("was-text", 100, "x")
    direct.sadd("was-set", "x")
    direct.setex("deleted", 100, "x")
    apply(
        caches,
        [ReplaceSet("replaced", ("kept", "new")), ReplaceSet("was-text", ("a",)), SetText("was-set", "text")],
        [DeleteKey("deleted"), DeleteKey("never-there"), SetText("brief", "", 604_800)],
    )
    assert direct.smembers("replaced") == {"kept", "new"}
    assert direct.smembers("was-text") == {"a"}
    assert direct.ttl("was-text") == -1
    assert direct.get("was-set") == "text"
    assert not direct.exists("deleted")
    assert direct.get("brief") == ""
    assert 604_790 <= direct.ttl("brief") <= 604_800
    assert caches.counts["redis.keys_written"] == 6


def test_hashes_are_read_whole_and_a_key_of_another_type_is_told(caches: RedisServers, direct: redis.Redis) -> None:
    direct.hset("user:1", mapping={"firstname": "Ü", "state": ""})
    direct.set("text", "x")
    found = caches.hashes("redis", DATABASE, ["user:1", "user:1", "user:2", "text"])
    assert found == {"user:1": {"firstname": "Ü", "state": ""}, "user:2": {}, "text": WrongType.WRONG_TYPE}
    assert caches.counts["redis.round_trips"] == 1


def test_a_hash_is_changed_where_told_and_nowhere_else(caches: RedisServers, direct: redis.Redis) -> None:
    direct.hset("user:1", mapping={"firstname": "A", "state": "Goa", "zone": "Z"})
    change: CacheChange = UpdateHash("user:1", ("state", "never-there"), {"firstname": "B", "": "empty name"})
    for _ in range(2):
        apply(caches, [change])
        assert direct.hgetall("user:1") == {"firstname": "B", "zone": "Z", "": "empty name"}
    apply(caches, [UpdateHash("user:1", ("firstname", "zone", ""), {})])
    assert not direct.exists("user:1")


def test_a_transaction_is_one_for_its_readers(caches: RedisServers, direct: redis.Redis) -> None:
    def transactions() -> int:
        return int(direct.info("commandstats").get("cmdstat_exec", {}).get("calls", 0))  # type: ignore[union-attr]

    before = transactions()
    apply(caches, [ReplaceSet("a", ("x",)), ReplaceSet("b", ("x",))], [ReplaceSet("c", ("x",))])
    assert transactions() - before == 2


def test_changes_repeated_leave_the_same_state(caches: RedisServers, direct: redis.Redis) -> None:
    changes: list[CacheChange] = [ReplaceSet("a", ("x", "y")), DeleteKey("b"), SetText("c", "t")]
    for _ in range(2):
        apply(caches, changes)
    assert sorted(direct.keys()) == ["a", "c"]


def test_databases_do_not_mix(caches: RedisServers, direct: redis.Redis) -> None:
    apply(caches, [ReplaceSet("a", ("x",))], database=OTHER)
    assert caches.sets("redis", DATABASE, ["a"])["a"] == frozenset()
    assert caches.sets("redis", OTHER, ["a"])["a"] == {"x"}


def test_a_lost_connection_is_made_again(caches: RedisServers, direct: redis.Redis) -> None:
    direct.sadd("a", "x")
    caches.sets("redis", DATABASE, ["a"])
    for client in direct.client_list():
        if client["id"] != str(direct.client_id()):
            direct.client_kill_filter(_id=client["id"])
    assert caches.sets("redis", DATABASE, ["a"])["a"] == {"x"}


@pytest.fixture
def without_permissions(servers: Servers, direct: redis.Redis) -> Iterator[RedisServers]:
    """A user who may connect and do nothing else."""
    name = f"{servers.env}-guest"
    direct.acl_setuser(name, enabled=True, passwords=["+secret"], categories=["+@connection", "+@transaction"])
    settings = servers.settings(changed={"redis.username": name, "redis.password": "secret"})
    yield RedisServers(settings, Counter())
    direct.acl_deluser(name)


def test_a_refusal_is_no_empty_answer(without_permissions: RedisServers, direct: redis.Redis) -> None:
    """Read as empty, every course would lose its leaf nodes and every completion would count again."""
    direct.sadd("a", "x")
    with pytest.raises(LernPipelineError, match=r"Redis at .* refuses") as refused:
        without_permissions.sets("redis", DATABASE, ["a"])
    assert len(str(refused.value).splitlines()) == 1
    with pytest.raises(LernPipelineError, match=r"Redis at .* refuses"):
        without_permissions.existing("redis", DATABASE, ["a"])


def test_a_refused_write_is_one_clear_line(without_permissions: RedisServers) -> None:
    with pytest.raises(LernPipelineError, match=r"Redis at .* refuses") as refused:
        apply(without_permissions, [SetText("a", "what-is-written")])
    assert "what-is-written" not in str(refused.value)


def test_a_wrong_password_is_said_at_once_and_not_waited_for(servers: Servers) -> None:
    caches = RedisServers(servers.settings(changed={"redis.username": "nobody", "redis.password": "wrong"}), Counter())
    with pytest.raises(ConfigurationError, match=r"Redis at .* refuses"):
        caches.sets("redis", DATABASE, ["a"])
