"""Doubles that fail on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.plan import CacheWrites, Message, RowWrites
from lern_pipeline_tests.microbatch.broker_in_memory import InMemoryBroker
from lern_pipeline_tests.microbatch.caches_in_memory import InMemoryCaches
from lern_pipeline_tests.microbatch.rows_in_memory import InMemoryRows


class FailingRows(InMemoryRows):
    """A Cassandra that is down for reads, for writes, or from its n-th write on."""

    reads_fail = False
    writes_before_failure: int | None = None

    def select(
        self,
        table: str,
        columns: Sequence[str],
        equal: Sequence[str],
        within: str,
        keys: Iterable[tuple[Any, ...]],
        group_size: int | None = None,
        times: Sequence[str] = (),
    ) -> list[tuple[Any, ...]]:
        if self.reads_fail:
            raise ServiceUnavailable("Cassandra", "cassandra:9042", "no host answers")
        return super().select(table, columns, equal, within, keys, group_size, times)

    def apply(self, writes: RowWrites) -> None:
        if self.writes_before_failure is not None:
            if self.writes_before_failure == 0:
                raise ServiceUnavailable("Cassandra", "cassandra:9042", "no host answers")
            self.writes_before_failure -= 1
        super().apply(writes)


class FailingCaches(InMemoryCaches):
    """A Redis that is down, for reads or for writes."""

    reads_fail = False
    writes_fail = False

    def sets(self, server: str, database: int, keys: Iterable[str]) -> dict[str, frozenset[str]]:
        if self.reads_fail:
            raise ServiceUnavailable("Redis", "redis:6379", "connection refused")
        return super().sets(server, database, keys)

    def existing(self, server: str, database: int, keys: Iterable[str]) -> set[str]:
        if self.reads_fail:
            raise ServiceUnavailable("Redis", "redis:6379", "connection refused")
        return super().existing(server, database, keys)

    def apply(self, writes: CacheWrites) -> None:
        if self.writes_fail:
            raise ServiceUnavailable("Redis", "redis:6379", "connection refused")
        super().apply(writes)


class FailingBroker(InMemoryBroker):
    """A Kafka that is down, for reading or after the first few messages of a batch."""

    reads_fail = False
    messages_before_failure: int | None = None

    def read(self, topic: str, key: MicroBatchKey) -> list[Record]:
        if self.reads_fail:
            raise ServiceUnavailable("Kafka", "kafka:9092", "no broker answers")
        return super().read(topic, key)

    def publish(self, messages: Sequence[Message]) -> None:
        if self.messages_before_failure is None:
            super().publish(messages)
            return
        super().publish(messages[: self.messages_before_failure])
        raise ServiceUnavailable("Kafka", "kafka:9092", "no broker answers")
