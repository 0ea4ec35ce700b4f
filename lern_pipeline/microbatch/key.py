"""The name of a micro-batch is its content: ``20261122T034510Z_0.1200-1700_1.800-1300``.

Planning time in UTC for people, then per Kafka partition the half-open offset range; a partition with nothing
new stands as its position alone (``1.800``). Every partition of the topic is named, so one key holds the whole
position of the lane. A key without any range is a *position key*: it moves the lane (first start, rewind) and
holds no records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_RANGE = re.compile(r"(\d+)\.(\d+)(?:-(\d+))?")


class InvalidKey(ValueError):
    """The text is not the name of a micro-batch."""


@dataclass(frozen=True, slots=True, order=True)
class OffsetRange:
    """Offsets ``start`` (included) to ``end`` (excluded) of one Kafka partition."""

    partition: int
    start: int
    end: int

    @property
    def offsets(self) -> int:
        """How many offsets the range spans; records may be fewer (compaction, transaction markers)."""
        return self.end - self.start

    def __str__(self) -> str:
        return f"{self.partition}.{self.start}" + (f"-{self.end}" if self.offsets else "")


@dataclass(frozen=True, slots=True)
class MicroBatchKey:
    """A parsed key. ``ranges`` are sorted by partition and hold every partition of the topic once."""

    planned_at: datetime
    ranges: tuple[OffsetRange, ...]

    @classmethod
    def of(cls, planned_at: datetime, ranges: Iterable[OffsetRange]) -> MicroBatchKey:
        """A key planned at ``planned_at`` (whole seconds, UTC)."""
        return cls(planned_at.astimezone(UTC).replace(microsecond=0), tuple(sorted(ranges)))

    @classmethod
    def at(cls, planned_at: datetime, positions: Mapping[int, int]) -> MicroBatchKey:
        """A position key: the lane goes on from ``positions`` (partition → offset)."""
        return cls.of(planned_at, (OffsetRange(partition, at, at) for partition, at in positions.items()))

    @classmethod
    def parse(cls, text: str) -> MicroBatchKey:
        """The key that ``str(key)`` gave.

        Raises:
            InvalidKey: anything else.
        """
        time, *parts = text.split("_")
        try:
            planned_at = datetime.strptime(time, _TIME_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            raise InvalidKey(f"{text!r} is not a micro-batch key: it does not begin with a time") from None
        ranges = []
        for part in parts:
            match = _RANGE.fullmatch(part)
            if not match:
                raise InvalidKey(f"{text!r} is not a micro-batch key: {part!r} is not an offset range")
            partition, start, end = match.groups()
            ranges.append(OffsetRange(int(partition), int(start), int(start if end is None else end)))
        if not ranges or any(range_.end < range_.start for range_ in ranges):
            raise InvalidKey(f"{text!r} is not a micro-batch key: no range, or one that ends before it starts")
        if len({range_.partition for range_ in ranges}) != len(ranges):
            raise InvalidKey(f"{text!r} is not a micro-batch key: a partition stands twice")
        return cls.of(planned_at, ranges)

    def __str__(self) -> str:
        return "_".join([self.planned_at.strftime(_TIME_FORMAT), *map(str, self.ranges)])

    @property
    def starts(self) -> dict[int, int]:
        """Partition → first offset."""
        return {range_.partition: range_.start for range_ in self.ranges}

    @property
    def ends(self) -> dict[int, int]:
        """Partition → where the next batch starts."""
        return {range_.partition: range_.end for range_ in self.ranges}

    @property
    def offsets(self) -> int:
        """Offsets spanned over all partitions."""
        return sum(range_.offsets for range_ in self.ranges)

    @property
    def is_position(self) -> bool:
        """True for a key that only moves the lane."""
        return self.offsets == 0

    def follows(self, before: MicroBatchKey) -> bool:
        """Whether this batch starts exactly where ``before`` ended.

        A partition that ``before`` does not know was added to the topic since: any start is right.
        """
        ends = before.ends
        starts = self.starts
        return ends.keys() <= starts.keys() and all(starts[partition] == end for partition, end in ends.items())
