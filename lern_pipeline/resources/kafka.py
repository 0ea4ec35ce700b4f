"""Kafka inside a run: reading an exact range, publishing with acknowledgement, committing the group's offsets."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import kafka.errors
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.structs import OffsetAndMetadata

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.events.failed_headers import earlier_attempts
from lern_pipeline.events.record import Record, RecordWithHeaders
from lern_pipeline.microbatch.crash_points import crash_point
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.plan import Message
from lern_pipeline.microbatch.services import RecordsExpired
from lern_pipeline.resources.kafka_client import OUTAGE, REFUSED, address, check_codecs, connection
from lern_pipeline.resources.outage import one_line, until_answered
from lern_pipeline.settings import JobSettings

T = TypeVar("T")

TOO_LARGE = (kafka.errors.MessageSizeTooLargeError, kafka.errors.RecordListTooLargeError)

# Messages handed to the producer before their acknowledgements are waited for: bounds memory, not throughput.
PUBLISH_WINDOW = 5_000


def _record(message: Any) -> Record:
    return Record(
        message.partition,
        message.offset,
        message.timestamp or 0,
        message.key,
        message.value,
        earlier_attempts(message.headers) if message.headers else 0,
    )


def _record_with_headers(message: Any) -> RecordWithHeaders:
    # A header's value may be null.
    return RecordWithHeaders(_record(message), {name: value for name, value in message.headers if value is not None})


class Kafka:
    """The broker as one job's runs use it. Connects on first use."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        check_codecs()
        self._settings = settings
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._outage_seconds = settings.number("outage.timeout.seconds")
        self._producer: Any = None
        self._known_topics: set[str] = set()

    def close(self) -> None:
        """Close the producer; the next use connects again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=5)

    # --- reading

    def read(self, topic: str, key: MicroBatchKey) -> list[Record]:
        """See :class:`lern_pipeline.microbatch.services.Broker`."""
        return self._read(topic, key, _record)

    def read_with_headers(self, topic: str, key: MicroBatchKey) -> list[RecordWithHeaders]:
        """See :class:`lern_pipeline.microbatch.services.Broker`."""
        return self._read(topic, key, _record_with_headers)

    def _read(self, topic: str, key: MicroBatchKey, made: Callable[[Any], T]) -> list[T]:
        wanted = {TopicPartition(topic, range_.partition): range_ for range_ in key.ranges if range_.offsets}
        if not wanted:
            return []
        records: list[T] = self._answered(lambda: self._read_once(wanted, made))
        self.counts["kafka.records_read"] += len(records)
        return records

    def _read_once(self, wanted: Mapping[Any, Any], made: Callable[[Any], T]) -> list[T]:
        consumer = KafkaConsumer(
            **connection(self._settings),
            metrics_enabled=False,
            isolation_level="read_committed",
            auto_offset_reset="none",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            max_poll_records=10_000,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=100,
        )
        try:
            self._refuse_if_expired(consumer, wanted)
            consumer.assign(list(wanted))
            for at, range_ in wanted.items():
                consumer.seek(at, range_.start)
            return self._collect(consumer, wanted, made)
        finally:
            consumer.close(autocommit=False)

    def _refuse_if_expired(self, consumer: Any, wanted: Mapping[Any, Any]) -> None:
        for at, start in consumer.beginning_offsets(list(wanted), timeout_ms=20_000).items():
            if wanted[at].start < start:
                raise RecordsExpired(
                    f"Kafka no longer has offsets {wanted[at].start} to {min(start, wanted[at].end)} "
                    f"of partition {at.partition} of {at.topic}"
                )

    def _collect(self, consumer: Any, wanted: Mapping[Any, Any], made: Callable[[Any], T]) -> list[T]:
        """Poll until every partition's position has passed the end of its range.

        The position tells, not the last record seen: the range may end with offsets that hold no record
        (compaction, transaction markers).
        """
        records: dict[int, list[T]] = {range_.partition: [] for range_ in wanted.values()}
        open_ = set(wanted)
        quiet_since = time.monotonic()
        patience = self._settings.number("microbatch.read.timeout.seconds")
        while open_:
            polled = consumer.poll(timeout_ms=200)
            for at, fetched in polled.items():
                end = wanted[at].end
                records[at.partition].extend(made(message) for message in fetched if message.offset < end)
            finished = {at for at in open_ if consumer.position(at, timeout_ms=5_000) >= wanted[at].end}
            if finished:
                consumer.pause(*finished)
                open_ -= finished
            if polled or finished:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > patience:
                partitions = ", ".join(str(at.partition) for at in sorted(open_))
                raise kafka.errors.KafkaTimeoutError(f"no records for {patience:.0f} s from partition {partitions}")
        return [record for partition in sorted(records) for record in records[partition]]

    # --- publishing

    def publish(self, messages: Sequence[Message]) -> None:
        """See :class:`lern_pipeline.microbatch.services.Broker`."""
        if not messages:
            return
        self.make_missing_topics({message.topic for message in messages})
        for start in range(0, len(messages), PUBLISH_WINDOW):
            window = messages[start : start + PUBLISH_WINDOW]
            self._answered(partial(self._publish_once, window))
            crash_point("between-publishes")
        self.counts["kafka.messages_published"] += len(messages)

    def _publish_once(self, messages: Sequence[Message]) -> None:
        refused = self._send(self._connected_producer(), messages)
        if refused:
            self._publish_smaller(refused)

    def _publish_smaller(self, messages: Sequence[Message]) -> None:
        """Publish what came back as too large for its topic, and everything that came back with it.

        One refusal ends an idempotent producer and all that it still holds; a plain one tells which message it is.
        """
        self._drop(self._producer)
        producer = self._new_producer(enable_idempotence=False)
        try:
            refused = self._send(producer, messages)
            self.counts["kafka.messages_too_large"] += len(refused)
            refused = self._send(producer, [message.smaller() or message for message in refused])
        finally:
            producer.close(timeout=5)
        if refused:
            raise ConfigurationError(
                f"topic {refused[0].topic} does not take a message of {refused[0].size} bytes: "
                "raise its max.message.bytes"
            )

    def _send(self, producer: Any, messages: Sequence[Message]) -> list[Message]:
        """Send all and wait for their acknowledgements. Returns those that came back as too large."""
        refused = []
        try:
            futures = [
                producer.send(message.topic, value=message.value, key=message.key, headers=message.headers or None)
                for message in messages
            ]
            producer.flush(timeout=self._outage_seconds)
            for message, future in zip(messages, futures, strict=True):
                try:
                    future.get(timeout=1)
                except TOO_LARGE:
                    refused.append(message)
        except OUTAGE:
            # What is still queued in this producer must not go out beside what the next attempt sends.
            self._drop(producer)
            raise
        return refused

    def _drop(self, producer: Any) -> None:
        if producer is self._producer:
            self._producer = None
        producer.close(timeout=0)

    def _connected_producer(self) -> Any:
        if self._producer is None:
            self._producer = self._new_producer()
        return self._producer

    def _new_producer(self, **options: Any) -> Any:
        settings = self._settings
        compression = settings.text("kafka.producer.compression.type")
        return KafkaProducer(
            **connection(settings),
            metrics_enabled=False,
            acks="all",
            linger_ms=settings.integer("kafka.producer.linger.ms"),
            batch_size=settings.integer("kafka.producer.batch.size"),
            max_request_size=settings.integer("kafka.producer.max-request-size"),
            compression_type=None if compression == "none" else compression,
            delivery_timeout_ms=int(self._outage_seconds * 1000) + 20_000,
            max_block_ms=20_000,
            **options,
        )

    def make_missing_topics(self, topics: set[str]) -> None:
        """Make those of ``topics`` that the broker does not have (platform 5.4).

        Raises:
            ConfigurationError: a topic is missing and may not be made.
        """
        unknown = topics - self._known_topics
        if unknown:
            self._answered(lambda: self._make_missing(unknown))
            self._known_topics |= unknown

    def _make_missing(self, topics: set[str]) -> None:
        admin = KafkaAdminClient(**connection(self._settings))
        try:
            missing = sorted(topics - set(admin.list_topics()))
            if missing:
                admin.create_topics([NewTopic(topic, -1, -1) for topic in missing], timeout_ms=20_000)
        except kafka.errors.TopicAlreadyExistsError:
            pass
        except (kafka.errors.InvalidTopicError, kafka.errors.PolicyViolationError) as error:
            raise ConfigurationError(f"topic {', '.join(missing)} is missing and cannot be made: {error}") from error
        finally:
            admin.close()

    # --- the group's offsets

    def commit(self, topic: str, group: str, positions: Mapping[int, int]) -> str | None:
        """See :class:`lern_pipeline.microbatch.services.Broker`. The keys are the ledger: a refusal loses nothing."""
        offsets = {TopicPartition(topic, p): OffsetAndMetadata(offset, "", -1) for p, offset in positions.items()}
        consumer = None
        try:
            consumer = KafkaConsumer(**connection(self._settings), group_id=group, enable_auto_commit=False)
            consumer.assign(list(offsets))
            consumer.commit(offsets, timeout_ms=10_000)
        except kafka.errors.KafkaError as error:
            return f"offsets of group {group} not committed: {one_line(error)}"
        finally:
            if consumer is not None:
                consumer.close(autocommit=False)
        return None

    def _answered(self, call: Callable[[], T]) -> T:
        where = address(self._settings)
        try:
            return until_answered(call, "Kafka", where, OUTAGE, self._outage_seconds)
        except REFUSED as error:
            raise ConfigurationError(f"Kafka at {where} refuses: {one_line(error)}") from error
        except kafka.errors.KafkaError as error:
            raise ServiceUnavailable("Kafka", where, one_line(error)) from error
