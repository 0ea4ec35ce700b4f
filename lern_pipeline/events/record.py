"""A Kafka record as this pipeline sees it."""

from __future__ import annotations

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

    ``timestamp`` is the broker's or producer's time in epoch milliseconds; ``value`` None is a tombstone.
    """

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None

    @property
    def position(self) -> Position:
        return Position(self.partition, self.offset)

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")
