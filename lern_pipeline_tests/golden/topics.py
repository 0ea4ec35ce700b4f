"""Kafka's side of a group: its topics, its records, and the messages that the job published."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from lern_pipeline_tests.golden.scenarios import Record, Scenario

PARTITIONS = 2
READ_SECONDS = 60


class Topics:
    """The topics of one environment prefix, made for one group and deleted after it."""

    def __init__(self, bootstrap: str, env: str) -> None:
        self._bootstrap = bootstrap
        self._env = env
        self._own: set[tuple[str, int, int]] = set()

    def __enter__(self) -> Topics:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with KafkaAdminClient(bootstrap_servers=self._bootstrap) as admin:
            # The job may have made more than those of the scenarios.
            made = [name for name in admin.list_topics() if name.startswith(f"{self._env}.")]
            if made:
                admin.delete_topics(made)

    def make(self, scenarios: Iterable[Scenario]) -> None:
        """The topics that the scenarios read and expect, with two partitions each."""
        specification = {"num_partitions": PARTITIONS, "replication_factor": 1}
        wanted = {self._full(topic): specification for one in scenarios for topic in _topics_of(one)}
        with KafkaAdminClient(bootstrap_servers=self._bootstrap) as admin:
            admin.create_topics(wanted, wait_for_metadata=True)

    def publish(self, records: Sequence[Record]) -> None:
        """The records in order, each to its partition."""
        producer = KafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
        try:
            sent = [
                producer.send(self._full(record.topic), value=record.value, key=record.key, partition=record.partition)
                for record in records
            ]
            for future in sent:
                metadata = future.get(timeout=READ_SECONDS)
                self._own.add((metadata.topic, metadata.partition, metadata.offset))
        finally:
            producer.close()

    def messages(self, scenarios: Sequence[Scenario]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Tag → topic → the messages that carry it and that the job added, `value` parsed where it is JSON."""
        found: dict[str, dict[str, list[dict[str, Any]]]] = {
            one.tag: {topic: [] for topic in one.expected.get("messages", {})} for one in scenarios
        }
        for topic in sorted({topic for one in scenarios for topic in one.expected.get("messages", {})}):
            for key, value in self._read(self._full(topic)):
                for tag, topics in found.items():
                    if topic in topics and (tag in (key or "") or tag in (value or "")):
                        topics[topic].append({"key": key, "value": _parsed(value)})
        return found

    def _read(self, topic: str) -> list[tuple[str | None, str | None]]:
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        found = []
        try:
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)
            deadline = time.monotonic() + READ_SECONDS
            while any(consumer.position(partition) < end for partition, end in ends.items()):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{topic} could not be read to its end")
                for records in consumer.poll(timeout_ms=200).values():
                    found += [
                        (_text(record.key), _text(record.value))
                        for record in records
                        if (record.topic, record.partition, record.offset) not in self._own
                    ]
        finally:
            consumer.close()
        return found

    def _full(self, topic: str) -> str:
        return topic if topic.startswith(f"{self._env}.") else f"{self._env}.{topic}"


def _topics_of(scenario: Scenario) -> set[str]:
    return {record.topic for record in scenario.records()} | set(scenario.expected.get("messages", {}))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def _parsed(text: str | None) -> object:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
