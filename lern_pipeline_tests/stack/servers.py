"""The real servers as a test uses them: settings, topics and records of its own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline.settings.variable import environment_name

JOB = "activity-aggregate-updater"
WAIT_SECONDS = 90


@dataclass(frozen=True)
class Servers:
    """One environment prefix, new for each test module, on the shared servers."""

    addresses: StackAddresses
    env: str

    @classmethod
    def at(cls, addresses: StackAddresses) -> Servers:
        return cls(addresses, f"st{uuid.uuid4().hex[:8]}")

    @property
    def bootstrap(self) -> str:
        return f"{self.addresses.kafka_host}:{self.addresses.kafka_port}"

    def values(self) -> dict[str, Any]:
        """The settings that lead here, by documented name."""
        at = self.addresses
        return {
            "env": self.env,
            "kafka.broker-servers": self.bootstrap,
            "kafka.auto.offset.reset": "earliest",
            "lms-cassandra.host": at.cassandra_host,
            "lms-cassandra.port": at.cassandra_port,
            "redis.host": at.redis_host,
            "redis.port": at.redis_port,
            "dedup-redis.host": at.redis_host,
            "dedup-redis.port": at.redis_port,
            "outage.timeout.seconds": 20,
        }

    def settings(self, job: str = JOB, changed: Mapping[str, Any] | None = None) -> JobSettings:
        values = self.values() | dict(changed or {})
        return load_configuration(None, {environment_name(n): str(v) for n, v in values.items()}).for_job(job)

    # --- Kafka

    def topic(self, name: str, partitions: int = 1, **config: str) -> str:
        """A new topic under the prefix."""
        full = f"{self.env}.{name}"
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            new = NewTopic(full, num_partitions=partitions, replication_factor=1, topic_configs=config)
            admin.create_topics([new])
            until(lambda: full in admin.list_topics(), f"topic {full}")
        return full

    def topics(self) -> set[str]:
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            return {name for name in admin.list_topics() if name.startswith(f"{self.env}.")}

    def forget_topics(self) -> None:
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            made = [name for name in admin.list_topics() if name.startswith(f"{self.env}.")]
            if made:
                admin.delete_topics(made)

    def send(
        self, topic: str, values: Sequence[bytes | None], partition: int = 0, key: bytes | None = None, **producer: Any
    ) -> list[int]:
        """The offsets of the records, sent in order."""
        client = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=50, **producer)
        try:
            sent = [client.send(topic, value=value, key=key, partition=partition) for value in values]
            client.flush()
            return [future.get(timeout=WAIT_SECONDS).offset for future in sent]
        finally:
            client.close()

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        """What retention does: the log starts at ``before``."""
        at = TopicPartition(topic, partition)
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            admin.delete_records({at: before})
        until(lambda: self.log_start(topic, partition) == before, f"{topic} to start at {before}")

    def log_start(self, topic: str, partition: int = 0) -> int:
        at = TopicPartition(topic, partition)
        with KafkaConsumer(bootstrap_servers=self.bootstrap) as consumer:
            start: int = consumer.beginning_offsets([at])[at]
        return start

    def records(self, topic: str) -> list[Any]:
        """Every record of the topic, as a committed reader sees them."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        found: list[Any] = []
        try:
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)

            def at_end() -> bool:
                for polled in consumer.poll(timeout_ms=200).values():
                    found.extend(polled)
                return all(consumer.position(at) >= end for at, end in ends.items())

            until(at_end, f"the end of {topic}")
        finally:
            consumer.close()
        return found

    # --- Redis

    def redis(self, database: int) -> redis.Redis:
        return redis.Redis(self.addresses.redis_host, self.addresses.redis_port, database, decode_responses=True)


def until(reached: Callable[[], bool], what: str) -> None:
    """Waits for what servers do in their own time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {WAIT_SECONDS} s for {what}")
        time.sleep(0.1)


def key(*ranges: str) -> MicroBatchKey:
    """``key("0.3-7", "1.0")``."""
    return MicroBatchKey.parse("_".join(["20270101T000000Z", *ranges]))
