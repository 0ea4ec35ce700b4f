"""A Kafka record as this pipeline sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class Position(NamedTuple):
    """Where a record stands in its topic. Orders events and makes ids deterministic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}.{self.offset}"


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One record, bytes untouched.

    ``timestamp`` is the broker's or producer's time in epoch milliseconds; ``value`` None is a tombstone;
    ``earlier_attempts``: how often the event has failed before it was sent again (design 6).
    """

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    earlier_attempts: int = 0

    @property
    def position(self) -> Position:
        return Position(self.partition, self.offset)

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")


class RecordWithHeaders(NamedTuple):
    """A record of a topic whose headers tell something: of a name that stands twice the last one."""

    record: Record
    headers: Mapping[str, bytes]
