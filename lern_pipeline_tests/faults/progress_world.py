"""A workload of course progress on the real servers, and all that it leaves behind, comparable between runs."""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from cassandra.cluster import Cluster
from cassandra.query import dict_factory
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from lern_pipeline.benchmark.progress_workload import ProgressWorkload
from lern_pipeline.jobs.activity_aggregate_updater.completion_event import checksum
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER as JOB
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.faults.drain_process import DrainProcess, Ended

KEYSPACE = "sunbird_courses"
TIMES = ("datetime", "completedon", "agg_last_updated")
TABLES = {
    "user_content_consumption": "userid",
    "user_enrolments": "userid",
}


@dataclass(frozen=True)
class Left:
    """Everything a run left behind, with its token taken out and times reduced to "there is one".

    ``copies``: messages by their id; more than one text under an id is a defect.
    """

    rows: dict[str, Any]
    checksums: int
    messages: dict[str, int]
    copies: dict[str, set[str]]

    def differences(self, undisturbed: Left) -> list[str]:
        lines = [
            f"row {key}: {self.rows.get(key)} instead of {row}"
            for key, row in undisturbed.rows.items()
            if self.rows.get(key) != row
        ]
        lines += [f"row {key} is too many" for key in self.rows.keys() - undisturbed.rows.keys()]
        if self.checksums != undisturbed.checksums:
            lines.append(f"{self.checksums} checksums instead of {undisturbed.checksums}")
        lines += [f"message missing: {text}" for text in undisturbed.messages.keys() - self.messages.keys()]
        lines += [f"message too many: {text}" for text in self.messages.keys() - undisturbed.messages.keys()]
        lines += [f"copies of {mid} differ" for mid, texts in self.copies.items() if len(texts) > 1]
        return lines


class ProgressWorld:
    """Own topics, own ids and an own Dagster home on the shared servers."""

    def __init__(self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, seed: int = 7) -> None:
        self.token = f"w{uuid.uuid4().hex[:8]}"
        self.directory = directory
        self._addresses = addresses
        self.environment = {
            "LERN_PIPELINE_ENV": self.token,
            "LERN_PIPELINE_KAFKA_BROKER_SERVERS": f"{addresses.kafka_host}:{addresses.kafka_port}",
            "LERN_PIPELINE_KAFKA_AUTO_OFFSET_RESET": "earliest",
            "LERN_PIPELINE_LMS_CASSANDRA_HOST": addresses.cassandra_host,
            "LERN_PIPELINE_LMS_CASSANDRA_PORT": str(addresses.cassandra_port),
            "LERN_PIPELINE_REDIS_HOST": addresses.redis_host,
            "LERN_PIPELINE_REDIS_PORT": str(addresses.redis_port),
            "LERN_PIPELINE_SERVICE_SEARCH_BASEPATH": "http://127.0.0.1:9/search",
            "LERN_PIPELINE_MICROBATCH_MAX_RECORDS": str(batch_size),
            "LERN_PIPELINE_OUTAGE_TIMEOUT_SECONDS": "20",
            "DAGSTER_HOME": str(directory / "dagster"),
        }
        (directory / "dagster").mkdir(parents=True)
        self.settings: JobSettings = load_configuration(None, self.environment).for_job(JOB.name)
        # Several events of each learner, so that batches depend on what earlier ones left.
        self.workload = ProgressWorkload(events, events_per_learner=4, seed=seed, token=self.token)
        self._make_topics()
        self._load()

    @property
    def bootstrap(self) -> str:
        return f"{self._addresses.kafka_host}:{self._addresses.kafka_port}"

    @property
    def topics(self) -> list[str]:
        return [JOB.failed_topic(self.settings), *(self.settings.text(setting) for setting in JOB.output_topics)]

    def _make_topics(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_topics([NewTopic(topic, 2, 1) for topic in (JOB.input_topic(self.settings), *self.topics)])
        admin.close()

    def _load(self) -> None:
        cassandra, caches = Cassandra(self.settings), RedisServers(self.settings)
        caches.apply(self.workload.relation_cache(10))
        for writes in self.workload.stored_rows(KEYSPACE, int(time.time() * 1_000_000)):
            cassandra.apply(writes)
        cassandra.close()
        caches.close()

    def publish(self, start: int, end: int) -> None:
        """Publish some of the workload's events, and one bad record with them."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, compression_type="snappy")
        topic = JOB.input_topic(self.settings)
        for number, completed in enumerate(self.workload.completions[start:end], start):
            producer.send(topic, value=completed.value(), partition=number % 2)
        producer.send(topic, value=f"not JSON {start} {self.token}".encode(), partition=0)
        producer.flush()
        producer.close()

    def publish_one(self, producer: KafkaProducer, number: int) -> None:
        """Publish the workload's event ``number`` through a producer that others use too."""
        topic = JOB.input_topic(self.settings)
        producer.send(topic, value=self.workload.completions[number].value(), partition=number % 2)

    def drain(self, crash_at: str | None = None) -> DrainProcess:
        """Start ``drain``; with ``crash_at`` it dies there."""
        environment = dict(self.environment)
        if crash_at:
            environment["LERN_PIPELINE_CRASH_AT"] = crash_at
        return DrainProcess(environment, self.directory, "--job", JOB.name)

    def drained(self) -> list[dict[str, Any]]:
        """Drain to the end; the batches it reports."""
        ended: Ended = self.drain().wait()
        assert ended.exit_code == 0, ended.errors
        return ended.batches

    # --- what is left behind

    def left(self) -> Left:
        messages, copies = self._messages()
        return Left(self._rows(), self._checksums(), messages, copies)

    def _rows(self) -> dict[str, Any]:
        cluster = Cluster([self._addresses.cassandra_host], port=self._addresses.cassandra_port)
        session = cluster.connect(KEYSPACE)
        session.row_factory = dict_factory
        users = sorted({enrolment[0] for enrolment in self.workload.enrolments})
        found: dict[str, Any] = {}
        try:
            for table in TABLES:
                statement = session.prepare(f"SELECT * FROM {table} WHERE userid IN ?")
                for start in range(0, len(users), 50):
                    for row in session.execute(statement, [users[start : start + 50]]):
                        found[self._key(table, row)] = self._comparable(row)
            statement = session.prepare(
                "SELECT * FROM user_activity_agg WHERE activity_type = 'Course' AND activity_id = ? AND user_id = ?"
            )
            for user, course, _ in self.workload.enrolments:
                for activity in (course, *(f"{course}_u{unit}" for unit in range(4))):
                    for row in session.execute(statement, [activity, user]):
                        found[self._key("user_activity_agg", row)] = self._comparable(row)
        finally:
            cluster.shutdown()
        return found

    def _key(self, table: str, row: dict[str, Any]) -> str:
        names = ("userid", "courseid", "batchid", "contentid", "activity_id", "user_id", "context_id")
        return self._without_token("|".join([table, *(str(row[name]) for name in names if name in row)]))

    def _comparable(self, row: dict[str, Any]) -> str:
        shown = {name: (value is not None if name in TIMES else value) for name, value in row.items()}
        return self._without_token(str({name: _plain(value) for name, value in sorted(shown.items())}))

    def _checksums(self) -> int:
        """How many of the workload's completions are remembered."""
        keys = {
            checksum(EnrolmentKey(done.user_id, done.course_id, done.batch_id), content_id)
            for done in self.workload.completions
            for content_id in done.content_ids
        }
        client = redis.Redis(self._addresses.redis_host, self._addresses.redis_port, db=13)
        return int(client.exists(*keys))

    def _messages(self) -> tuple[dict[str, int], dict[str, set[str]]]:
        seen: dict[str, int] = defaultdict(int)
        copies: dict[str, set[str]] = defaultdict(set)
        for topic, text in read_all(self.bootstrap, self.topics):
            value = json.loads(text)
            identity = value.get("mid") or f"failed at {value['failInfo']['partition']}.{value['failInfo']['offset']}"
            copies[identity].add(text)
            seen[self._without_token(f"{topic}: {_masked(value)}")] += 1
        return dict(seen), dict(copies)

    def _without_token(self, text: str) -> str:
        return text.replace(self.token, "TOKEN")


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


def read_all(bootstrap: str, topics: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Every message of the topics as (topic, text)."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    partitions = [TopicPartition(topic, p) for topic in topics for p in consumer.partitions_for_topic(topic) or ()]
    ends = consumer.end_offsets(partitions)
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    found: list[tuple[str, str]] = []
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for at, records in consumer.poll(timeout_ms=500).items():
            found.extend((at.topic, record.value.decode()) for record in records)
    consumer.close()
    return found
