"""One job's workload on the real servers, and all that it leaves behind, comparable between runs."""

from __future__ import annotations

import json
import time
import uuid
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import redis
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.query import dict_factory
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.microbatch.crash_points import BOUNDARIES
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.plan import CacheWrites, RowWrites
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.drain_process import DrainProcess, Ended

KEYSPACE = "sunbird_courses"

#: Boundaries of jobs that write caches.
OF_CACHES = frozenset({"between-transactions", "between-cache", "between-last"})

#: A client of a Redis database by its number.
ClientOf = Callable[[int], redis.Redis]

#: A table and the columns that find rows of it.
Selection = tuple[str, Mapping[str, str]]


@dataclass(frozen=True)
class Left:
    """Everything a run left behind, with its token taken out and times reduced to "there is one".

    ``stored``: rows and keys; ``messages``: how many different messages (by id) say this; ``copies``: messages by
    their id; more than one text under an id is a defect.
    """

    stored: dict[str, str]
    messages: dict[str, int]
    copies: dict[str, set[str]]

    def differences(self, undisturbed: Left) -> list[str]:
        lines = [
            f"{key}: {self.stored.get(key)} instead of {value}"
            for key, value in undisturbed.stored.items()
            if self.stored.get(key) != value
        ]
        lines += [f"{key} is too many" for key in self.stored.keys() - undisturbed.stored.keys()]
        lines += [
            f"{self.messages.get(text, 0)} instead of {undisturbed.messages.get(text, 0)} messages: {text}"
            for text in sorted(self.messages.keys() | undisturbed.messages.keys())
            if self.messages.get(text, 0) != undisturbed.messages.get(text, 0)
        ]
        lines += [f"copies of {mid} differ" for mid, texts in self.copies.items() if len(texts) > 1]
        return lines


class JobWorld(ABC):
    """Own topics, own ids and a Dagster home on the shared servers. ``token`` stands in every id.

    ``events``: how many the workload has; ``batch_size``: of the micro-batches. Worlds of several jobs may share
    token and directory: they are one installation then.
    """

    job: ClassVar[JobSpec[Any, Any]]

    #: Boundaries that a batch of this job never comes to.
    never_passed: ClassVar[frozenset[str]]

    #: Crash points that differ in what a wrong recovery would do to this job.
    telling_points: ClassVar[tuple[str, ...]]

    #: What the job cannot do without.
    servers: ClassVar[tuple[str, ...]] = ("kafka", "cassandra", "redis")

    #: What it uses and whose outage fails no batch.
    also_there: ClassVar[tuple[str, ...]] = ()

    #: Columns that depend on when a batch ran.
    times: ClassVar[frozenset[str]]

    def __init__(
        self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, token: str | None = None
    ) -> None:
        self.token = token or f"w{uuid.uuid4().hex[:8]}"
        self.directory = directory
        self.events = events
        self._addresses = addresses
        self.environment = {
            "LERN_PIPELINE_ENV": self.token,
            "LERN_PIPELINE_KAFKA_BROKER_SERVERS": self.bootstrap,
            "LERN_PIPELINE_KAFKA_AUTO_OFFSET_RESET": "earliest",
            "LERN_PIPELINE_LMS_CASSANDRA_HOST": addresses.cassandra_host,
            "LERN_PIPELINE_LMS_CASSANDRA_PORT": str(addresses.cassandra_port),
            "LERN_PIPELINE_REDIS_HOST": addresses.redis_host,
            "LERN_PIPELINE_REDIS_PORT": str(addresses.redis_port),
            # Nobody answers there.
            "LERN_PIPELINE_SERVICE_SEARCH_BASEPATH": "http://127.0.0.1:9/search",
            "LERN_PIPELINE_HTTP_ATTEMPTS": "1",
            "LERN_PIPELINE_MICROBATCH_MAX_RECORDS": str(batch_size),
            "LERN_PIPELINE_OUTAGE_TIMEOUT_SECONDS": "20",
            "DAGSTER_HOME": str(directory / "dagster"),
        }
        self.environment |= self.own_topics()
        (directory / "dagster").mkdir(parents=True, exist_ok=True)
        self.settings: JobSettings = load_configuration(None, self.environment).for_job(self.job.name)
        self.make_workload()
        self._make_topics()
        self._load()

    # --- what a job's own world says

    @abstractmethod
    def make_workload(self) -> None:
        """Think up the learners, courses and events; the same for every world of so many events, token aside."""

    def own_topics(self) -> Mapping[str, str]:
        """Settings of a job whose topics are named without ``env`` by default."""
        return {}

    @abstractmethod
    def event(self, number: int) -> bytes:
        """The workload's event of that number."""

    def given_rows(self, write_time_us: int) -> Iterable[RowWrites]:
        """What other services have written before."""
        return ()

    def given_caches(self) -> Iterable[CacheWrites]:
        """What is in Redis before."""
        return ()

    def selections(self) -> Iterable[Selection]:
        """Where the job may write rows."""
        return ()

    def keys_left(self, client_of: ClientOf) -> Mapping[str, str]:
        """The keys that the job has left, and what they hold."""
        return {}

    def partition_of(self, number: int) -> int:
        """Where the event of that number goes."""
        return number % 2

    # --- the crash points

    @classmethod
    def crash_points(cls, all_of_them: bool) -> list[str]:
        """Every boundary that a batch of this job comes to, and the telling ones; or these alone."""
        boundaries = [name for name in BOUNDARIES if name not in cls.never_passed] if all_of_them else []
        return list(dict.fromkeys([*boundaries, *cls.telling_points]))

    # --- the world around the job

    @property
    def bootstrap(self) -> str:
        return f"{self._addresses.kafka_host}:{self._addresses.kafka_port}"

    @property
    def input_topic(self) -> str:
        return self.job.input_topic(self.settings)

    @property
    def topics(self) -> list[str]:
        """Where the job publishes."""
        named = (self.settings.optional_text(setting) for setting in self.job.output_topics)
        return [self.job.failed_topic(self.settings), *(topic for topic in named if topic)]

    def _make_topics(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        missing = {self.input_topic, *self.topics}.difference(admin.list_topics())
        admin.create_topics([NewTopic(topic, 2, 1) for topic in sorted(missing)])
        admin.close()

    def _load(self) -> None:
        cassandra, caches = Cassandra(self.settings), RedisServers(self.settings)
        for cache_writes in self.given_caches():
            caches.apply(cache_writes)
        for writes in self.given_rows(int(time.time() * 1_000_000)):
            cassandra.apply(writes)
        cassandra.close()
        caches.close()

    def publish(self, start: int, end: int) -> None:
        """Publish some of the workload's events, and one bad record with them."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, compression_type="snappy")
        for number in range(start, end):
            self.publish_one(producer, number)
        producer.send(self.input_topic, value=f"not JSON {start} {self.token}".encode(), partition=0)
        producer.flush()
        producer.close()

    def publish_one(self, producer: KafkaProducer, number: int) -> None:
        """Publish the workload's event ``number`` through a producer that others use too."""
        producer.send(self.input_topic, value=self.event(number), partition=self.partition_of(number))

    def drain(self, crash_at: str | None = None) -> DrainProcess:
        """Start ``drain``; with ``crash_at`` it dies there."""
        environment = dict(self.environment)
        if crash_at:
            environment["LERN_PIPELINE_CRASH_AT"] = crash_at
        return DrainProcess(environment, self.directory, "--job", self.job.name)

    def drained(self) -> list[dict[str, Any]]:
        """Drain to the end; the batches it reports."""
        ended: Ended = self.drain().wait()
        assert ended.exit_code == 0, ended.errors
        return ended.batches

    def close(self) -> None:  # noqa: B027
        """Let go of what only this process holds."""

    # --- what is left behind

    def assert_each_once(self, events: int) -> None:  # noqa: B027
        """Of the first so many events: what cannot be taken back was done once, or an operator is shown it."""

    def left(self) -> Left:
        messages, copies = self._messages()
        return Left({**self._rows(), **self._keys()}, messages, copies)

    def _rows(self) -> dict[str, str]:
        found: dict[str, str] = {}
        with connected(self._addresses) as session:
            for statement, values in _statements(self.selections()):
                prepared = session.prepare(statement)
                for _, rows in execute_concurrent_with_args(session, prepared, values):
                    for row in rows:
                        found[self._key(session, statement.split()[3], row)] = self._comparable(row)
        return found

    def _key(self, session: Session, table: str, row: dict[str, Any]) -> str:
        keyspace, _, name = table.partition(".")
        columns = session.cluster.metadata.keyspaces[keyspace].tables[name].primary_key
        return self.without_token("|".join([name, *(str(row[column.name]) for column in columns)]))

    def _comparable(self, row: dict[str, Any]) -> str:
        shown = {name: (value is not None if name in self.times else value) for name, value in row.items()}
        return self.without_token(str({name: _plain(value) for name, value in sorted(shown.items())}))

    def _keys(self) -> dict[str, str]:
        clients: dict[int, redis.Redis] = {}

        def client_of(database: int) -> redis.Redis:
            at = self._addresses
            return clients.setdefault(
                database, redis.Redis(at.redis_host, at.redis_port, database, decode_responses=True)
            )

        try:
            found = self.keys_left(client_of)
        finally:
            for client in clients.values():
                client.close()
        return {self.without_token(key): self.without_token(value) for key, value in found.items()}

    def _messages(self) -> tuple[dict[str, int], dict[str, set[str]]]:
        copies: dict[str, set[str]] = defaultdict(set)
        ids: dict[str, set[str]] = defaultdict(set)
        for topic, text, headers in read_all(self.bootstrap, self.topics):
            value = json.loads(text)
            masked = self.without_token(f"{topic}: {_masked(value)}")
            # A failed record of a job's own shape has no place for where it comes from but the headers.
            identity = f"{headers['partition']}.{headers['offset']} {masked}" if "offset" in headers else value["mid"]
            copies[identity].add(f"{text} {sorted(headers.items())}")
            ids[masked].add(identity)
        return {text: len(identities) for text, identities in ids.items()}, dict(copies)

    def without_token(self, text: str) -> str:
        return text.replace(self.token, "TOKEN")


def keys_naming(client: redis.Redis, token: str, what: str) -> Iterator[tuple[str, str]]:
    """Every set, hash and text whose key holds the token."""
    for key in client.scan_iter(f"*{token}*", count=1000):
        held: Any
        match client.type(key):
            case "set":
                held = sorted(client.smembers(key))
            case "hash":
                held = sorted(client.hgetall(key).items())
            case _:
                held = client.get(key)
        yield f"{what} {key}", str(held)


class connected:
    """A session without a timeout that a busy machine would break, and the end of its cluster."""

    def __init__(self, addresses: StackAddresses) -> None:
        profile = ExecutionProfile(request_timeout=60, row_factory=dict_factory)
        self._cluster = Cluster(
            [addresses.cassandra_host],
            port=addresses.cassandra_port,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        )

    def __enter__(self) -> Session:
        return self._cluster.connect()

    def __exit__(self, *_: object) -> None:
        self._cluster.shutdown()


def _statements(selections: Iterable[Selection]) -> Iterator[tuple[str, list[list[str]]]]:
    values: dict[str, list[list[str]]] = defaultdict(list)
    for table, equal in selections:
        where = " AND ".join(f"{column} = ?" for column in equal)
        values[f"SELECT * FROM {table} WHERE {where}"].append(list(equal.values()))
    yield from values.items()


def _plain(value: Any) -> Any:
    return dict(sorted(value.items())) if hasattr(value, "items") else value


def _masked(value: dict[str, Any]) -> str:
    """Without what differs from run to run: times, random-looking ids, positions in a topic of this run."""
    kept = {name: part for name, part in value.items() if name not in ("ets", "syncts", "mid")}
    if "context" in kept:
        kept["context"] = {k: v for k, v in kept["context"].items() if k not in ("sid", "did")}
    if "failInfo" in kept:
        kept["failInfo"] = kept["failInfo"]["error"]
    return json.dumps(kept, sort_keys=True)


def read_all(bootstrap: str, topics: Sequence[str]) -> list[tuple[str, str, dict[str, str]]]:
    """Every message of the topics as (topic, text, headers)."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    partitions = [TopicPartition(topic, p) for topic in topics for p in consumer.partitions_for_topic(topic) or ()]
    ends = consumer.end_offsets(partitions)
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    found: list[tuple[str, str, dict[str, str]]] = []
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for at, records in consumer.poll(timeout_ms=500).items():
            found.extend((at.topic, record.value.decode(), _headers(record.headers)) for record in records)
    consumer.close()
    return found


def _headers(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    return {name: value.decode(errors="replace") for name, value in headers}
