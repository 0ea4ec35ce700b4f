"""What a lane asks Kafka before it plans: log ends and starts, committed offsets. Never polls or commits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.resources.kafka_client import OUTAGE, REFUSED, address, connection, within_outage_ms
from lern_pipeline.resources.outage import one_line, until_answered
from lern_pipeline.settings import JobSettings

T = TypeVar("T")

# After an outage the other lanes of the process need not each wait for a time-out of their own.
OUTAGE_MEMORY_SECONDS = 5.0
ANSWER_MS = 8_000
COORDINATOR_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class TopicOffsets:
    """Partition → offset. Both empty while the topic does not exist. Ends are read_committed."""

    starts: dict[int, int]
    ends: dict[int, int]


class KafkaPositions:
    """One broker connection per process and configuration, shared by all lanes, one question at a time."""

    def __init__(self, settings: JobSettings) -> None:
        self._settings = settings
        self._answer_ms = within_outage_ms(settings, ANSWER_MS)
        self._lock = threading.Lock()
        self._consumer: Any = None
        self._down_until = 0.0
        self._down_reason = ""

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    def offsets(self, topic: str) -> TopicOffsets:
        """Where the topic's log starts and ends.

        Raises:
            ServiceUnavailable: the broker did not answer within some seconds, ``outage.timeout.seconds`` at most
                (no retries here: ticks are short).
        """

        def ask(consumer: Any) -> TopicOffsets:
            partitions = consumer.partitions_for_topic(topic)
            if not partitions:
                return TopicOffsets({}, {})
            wanted = [TopicPartition(topic, partition) for partition in sorted(partitions)]
            starts = consumer.beginning_offsets(wanted, timeout_ms=self._answer_ms)
            ends = consumer.end_offsets(wanted, timeout_ms=self._answer_ms)
            return TopicOffsets(
                {at.partition: offset for at, offset in starts.items()},
                {at.partition: offset for at, offset in ends.items()},
            )

        with self._lock:
            return self._answer(lambda: ask(self._connected()))

    def ends(self, topic: str) -> dict[int, int]:
        """Only where the log ends: half the questions of :meth:`offsets`.

        Raises:
            ServiceUnavailable: the broker did not answer within some seconds, ``outage.timeout.seconds`` at most.
        """

        def ask(consumer: Any) -> dict[int, int]:
            wanted = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic) or ()]
            if not wanted:
                return {}
            ends = consumer.end_offsets(wanted, timeout_ms=self._answer_ms)
            return {at.partition: offset for at, offset in ends.items()}

        with self._lock:
            return self._answer(lambda: ask(self._connected()))

    def committed(self, topic: str, group: str) -> dict[int, int]:
        """The group's committed offsets; partitions without one are left out."""

        def ask() -> dict[int, int]:
            admin = KafkaAdminClient(**connection(self._settings))
            try:
                answer = admin.list_group_offsets({group: None})
            finally:
                admin.close()
            found = answer.get(group, answer) if isinstance(answer, dict) else {}
            return {
                at.partition: offset.offset for at, offset in found.items() if at.topic == topic and offset.offset >= 0
            }

        # Asked once in a lane's life; a new broker first has to make its offsets topic.
        return until_answered(ask, "Kafka", address(self._settings), OUTAGE, COORDINATOR_SECONDS)

    def _answer(self, ask: Callable[[], T]) -> T:
        if time.monotonic() < self._down_until:
            raise ServiceUnavailable("Kafka", address(self._settings), self._down_reason)
        try:
            return ask()
        except REFUSED as error:
            self._disconnect()
            raise ConfigurationError(f"Kafka at {address(self._settings)} refuses: {one_line(error)}") from error
        except OUTAGE as error:
            self._disconnect()
            self._down_until = time.monotonic() + OUTAGE_MEMORY_SECONDS
            self._down_reason = one_line(error)
            raise ServiceUnavailable("Kafka", address(self._settings), self._down_reason) from error

    def _connected(self) -> Any:
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                **connection(self._settings),
                metrics_enabled=False,
                isolation_level="read_committed",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                metadata_max_age_ms=30_000,
            )
        return self._consumer

    def _disconnect(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False)
