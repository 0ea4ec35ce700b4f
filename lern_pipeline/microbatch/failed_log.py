"""A topic of failed events, its newest records read within a bound (design 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lern_pipeline.events.record import RecordWithHeaders
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.services import Broker, RecordsExpired

# They hold their originals too, and may be large.
RECORDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class FailedLog:
    """A topic and where its log starts and ends, by Kafka partition; ``most``: offsets to be looked at."""

    topic: str
    starts: Mapping[int, int] = field(default_factory=dict)
    ends: Mapping[int, int] = field(default_factory=dict)
    most: int = 10_000

    @property
    def offsets(self) -> int:
        """How many the log has."""
        return sum(end - self.starts.get(partition, end) for partition, end in self.ends.items())

    @property
    def left_out(self) -> int:
        """How many older ones are not looked at."""
        return max(self.offsets - self.most, 0)

    def newest(self) -> list[OffsetRange]:
        """The newest offsets of every partition: what one does not need of its share is the others'."""
        available = {partition: end - self.starts.get(partition, end) for partition, end in self.ends.items()}
        room, ranges = self.most, []
        for index, (partition, offsets) in enumerate(sorted(available.items(), key=lambda one: (one[1], one[0]))):
            share = min(offsets, room // (len(available) - index))
            room -= share
            ranges.append(OffsetRange(partition, self.ends[partition] - share, self.ends[partition]))
        return sorted(range_ for range_ in ranges if range_.offsets)


def parts(ranges: Iterable[OffsetRange], at_once: int = RECORDS_AT_ONCE) -> Iterator[MicroBatchKey]:
    """The ranges, so many offsets at a time, each offset once."""
    now = datetime.now(UTC)
    gathered: list[OffsetRange] = []
    room = at_once
    for range_ in ranges:
        start = range_.start
        while start < range_.end:
            end = min(start + room, range_.end)
            gathered.append(OffsetRange(range_.partition, start, end))
            room -= end - start
            start = end
            if not room:
                yield MicroBatchKey.of(now, gathered)
                gathered, room = [], at_once
    if gathered:
        yield MicroBatchKey.of(now, gathered)


def records_of(broker: Broker, topic: str, ranges: Iterable[OffsetRange]) -> Iterator[RecordWithHeaders]:
    """The records, part by part, so that few are held at a time.

    Raises:
        ServiceUnavailable: no answer in time.
    """
    for part in parts(ranges):
        try:
            yield from broker.read_with_headers(topic, part)
        except RecordsExpired:
            # Removed since the log was looked at, with all that was older.
            continue
