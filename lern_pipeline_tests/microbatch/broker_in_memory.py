"""Kafka in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lern_pipeline.events.record import Record, RecordWithHeaders
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.plan import (
    Message,
)
from lern_pipeline.microbatch.services import RecordsExpired
from lern_pipeline_tests.microbatch.journal import Journal


class InMemoryBroker:
    """One input topic with records by offset, published messages in order, committed positions."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.journal: Journal = [] if journal is None else journal
        self.partitions: dict[int, list[Record]] = {}
        self.log_starts: dict[int, int] = {}
        self.published: list[Message] = []
        self.commits: list[tuple[str, str, dict[int, int]]] = []
        self.commit_warning: str | None = None

    def append(self, value: bytes | None, partition: int = 0, key: bytes | None = None) -> Record:
        records = self.partitions.setdefault(partition, [])
        record = Record(partition, len(records), 1_700_000_000_000 + len(records), key, value)
        records.append(record)
        return record

    def ends(self) -> dict[int, int]:
        return {partition: len(records) for partition, records in self.partitions.items()}

    def read(self, topic: str, key: MicroBatchKey) -> list[Record]:
        self.journal.append("read")
        for range_ in key.ranges:
            if range_.offsets and range_.start < self.log_starts.get(range_.partition, 0):
                raise RecordsExpired(f"Kafka no longer has offset {range_.start} of partition {range_.partition}")
        return [r for range_ in key.ranges for r in self._within(range_)]

    def _within(self, range_: OffsetRange) -> list[Record]:
        return self.partitions.get(range_.partition, [])[range_.start : range_.end]

    def read_with_headers(self, topic: str, key: MicroBatchKey) -> list[RecordWithHeaders]:
        """Of what was published: all in partition 0, one message a second."""
        published = [message for message in self.published if message.topic == topic]
        return [
            RecordWithHeaders(
                Record(0, offset, 1_700_000_000_000 + offset * 1000, published[offset].key, published[offset].value),
                dict(published[offset].headers),
            )
            for range_ in key.ranges
            for offset in range(range_.start, range_.end)
        ]

    def publish(self, messages: Sequence[Message]) -> None:
        self.journal += [f"publish {message.topic}" for message in messages]
        self.published += messages

    def commit(self, topic: str, group: str, positions: Mapping[int, int]) -> str | None:
        self.journal.append("commit")
        self.commits.append((topic, group, dict(positions)))
        return self.commit_warning

    def close(self) -> None:
        """Nothing was opened."""
