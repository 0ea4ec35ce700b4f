"""Cassandra and Redis before and after a group: what is given goes in, what carries a tag comes out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import redis
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.query import dict_factory

from lern_pipeline_tests.golden.scenarios import Scenario

#: A stack that is busy with schema or compaction may take its time.
REQUEST_SECONDS = 60

#: Keyspace of the pipeline's own tables (setting ledger.keyspace).
LEDGERS = "lern_pipeline"


class CassandraRows:
    """The tables that the scenarios name, on one server."""

    def __init__(self, host: str, port: int) -> None:
        profile = ExecutionProfile(request_timeout=REQUEST_SECONDS, row_factory=dict_factory)
        self._cluster = Cluster([host], port=port, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
        self._session: Session = self._cluster.connect()

    def close(self) -> None:
        self._cluster.shutdown()

    def prepare(self, scenarios: Sequence[Scenario]) -> None:
        """Removes what earlier runs of the scenarios left, then loads what is given."""
        for scenario in scenarios:
            for statement in scenario.given.get("cql", ()):
                self._session.execute(statement)
        carries = _tag_pattern(scenarios)
        for table in (*_tables(scenarios), *self._ledgers()):
            self._remove(table, carries, {scenario.job for scenario in scenarios})
        given: dict[str, list[Mapping[str, Any]]] = {}
        for scenario in scenarios:
            for table, rows in scenario.given.get("cassandra", {}).items():
                given.setdefault(table, []).extend(rows)
        for table, rows in given.items():
            insert = self._session.prepare(f"INSERT INTO {table} JSON ? DEFAULT UNSET")
            execute_concurrent_with_args(self._session, insert, [(json.dumps(row),) for row in rows])

    def read(self, scenarios: Sequence[Scenario]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Tag → table → the rows that carry it, in Cassandra's JSON form."""
        carries = _tag_pattern(scenarios)
        found: dict[str, dict[str, list[dict[str, Any]]]] = {scenario.tag: {} for scenario in scenarios}
        for table in _tables(scenarios):
            for row in self._session.execute(f"SELECT JSON * FROM {table}"):
                text = row["[json]"]
                for tag in set(carries.findall(text)):
                    found[tag].setdefault(table, []).append(json.loads(text))
        return found

    def _ledgers(self) -> list[str]:
        """The pipeline's own tables: what they say is done would not be done again."""
        keyspace = self._cluster.metadata.keyspaces.get(LEDGERS)
        return [f"{LEDGERS}.{name}" for name in keyspace.tables] if keyspace else []

    def _remove(self, table: str, carries: re.Pattern[str], jobs: Collection[str]) -> None:
        keyspace, _, name = table.partition(".")
        key = [column.name for column in self._cluster.metadata.keyspaces[keyspace].tables[name].primary_key]
        # Keys of the ledger may be digests: of these jobs all go.
        rows = [
            row
            for row in self._session.execute(f"SELECT * FROM {table}")
            if carries.search(repr(row)) or (keyspace == LEDGERS and row.get("job") in jobs)
        ]
        if not rows:
            return
        where = " AND ".join(f'"{column}" = ?' for column in key)
        delete = self._session.prepare(f"DELETE FROM {table} WHERE {where}")
        execute_concurrent_with_args(self._session, delete, [tuple(row[column] for column in key) for row in rows])


class RedisKeys:
    """The databases that the scenarios name, on one server."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def prepare(self, scenarios: Sequence[Scenario]) -> None:
        """Removes what earlier runs of the scenarios left, then loads what is given."""
        for db in _databases(scenarios):
            with self._client(db) as client:
                stale = set(self._tagged(client, _tag_pattern(scenarios))) | self._named(scenarios, db)
                with client.pipeline(transaction=False) as pipeline:
                    if stale:
                        pipeline.delete(*stale)
                    for scenario in scenarios:
                        for key, entry in scenario.given.get("redis", {}).get(db, {}).items():
                            _store(pipeline, key, entry)
                    pipeline.execute()

    def read(self, scenarios: Sequence[Scenario]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
        """Tag → database → the keys that carry the tag, and those that the scenario names, with their entries."""
        found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {scenario.tag: {} for scenario in scenarios}
        for db in _databases(scenarios):
            with self._client(db) as client:
                tagged = self._tagged(client, _tag_pattern(scenarios))
                entries = {key: _entry(client, key) for key in {*tagged, *self._named(scenarios, db)}}
            for scenario in scenarios:
                named = scenario.expected.get("redis", {}).get(db, {})
                found[scenario.tag][db] = {
                    key: entry
                    for key, entry in entries.items()
                    if entry is not None and (scenario.tag in tagged.get(key, ()) or key in named)
                }
        return found

    def _client(self, db: str) -> redis.Redis:
        return redis.Redis(host=self._host, port=self._port, db=int(db), decode_responses=True)

    @staticmethod
    def _tagged(client: redis.Redis, carries: re.Pattern[str]) -> dict[str, set[str]]:
        found = {key: set(carries.findall(key)) for key in client.scan_iter(count=1000)}
        return {key: tags for key, tags in found.items() if tags}

    @staticmethod
    def _named(scenarios: Sequence[Scenario], db: str) -> set[str]:
        """Keys that cannot carry a tag, such as checksums."""
        parts = [part.get("redis", {}).get(db, {}) for one in scenarios for part in (one.given, one.expected)]
        return {key for part in parts for key in part}


def _store(pipeline: Any, key: str, entry: Mapping[str, Any]) -> None:
    value = entry["value"]
    match entry["type"]:
        case "string":
            pipeline.set(key, value)
        case "set":
            pipeline.sadd(key, *value)
        case "hash":
            pipeline.hset(key, mapping=value)
        case "list":
            pipeline.rpush(key, *value)
        case other:
            raise ValueError(f"{key}: Redis has no type {other}")
    if "ttl" in entry:
        pipeline.expire(key, entry["ttl"])


def _entry(client: Any, key: str) -> dict[str, Any] | None:
    kind = client.type(key)
    match kind:
        case "none":
            return None
        case "string":
            value: Any = client.get(key)
        case "set":
            value = sorted(client.smembers(key))
        case "hash":
            value = client.hgetall(key)
        case "list":
            value = client.lrange(key, 0, -1)
        case _:
            value = None
    ttl = client.ttl(key)
    return {"type": kind, "value": value, **({"ttl": ttl} if ttl >= 0 else {})}


def _tag_pattern(scenarios: Iterable[Scenario]) -> re.Pattern[str]:
    # The longest first: a tag may begin like another.
    tags = sorted((scenario.tag for scenario in scenarios), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, tags)))


def _tables(scenarios: Iterable[Scenario]) -> list[str]:
    parts = [part.get("cassandra", {}) for one in scenarios for part in (one.given, one.expected)]
    return sorted({table for part in parts for table in part})


def _databases(scenarios: Iterable[Scenario]) -> list[str]:
    parts = [part.get("redis", {}) for one in scenarios for part in (one.given, one.expected)]
    return sorted({db for part in parts for db in part}, key=int)
