"""How far a table is behind the topic that it is made from, in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.key import OffsetRange

#: Offsets looked at for one record: some hold none (transaction markers, compaction).
FEW = 10

ReadRanges = Callable[[Sequence[OffsetRange]], Sequence[Record]]


@dataclass(frozen=True, slots=True)
class TableLag:
    """``waiting``: offsets that are not applied. The times are those of events, in epoch milliseconds; None where the
    log has no such event (any more)."""

    waiting: int
    newest_on_topic: int | None
    newest_applied: int | None
    oldest_waiting: int | None

    @property
    def seconds(self) -> float | None:
        """How much older the newest applied event is than the newest on the topic; None where that is not known."""
        if not self.waiting:
            return 0.0
        if self.newest_on_topic is None or self.newest_applied is None:
            return None
        return max(0.0, (self.newest_on_topic - self.newest_applied) / 1000)

    def waited_seconds(self, now_ms: int) -> float:
        """How long the oldest event has waited that is not applied."""
        return 0.0 if self.oldest_waiting is None else max(0.0, (now_ms - self.oldest_waiting) / 1000)


def table_lag(
    applied: Mapping[int, int], starts: Mapping[int, int], ends: Mapping[int, int], read: ReadRanges
) -> TableLag:
    """From positions to times.

    ``applied``: partition → first offset that is not applied; a partition it does not have is new. ``starts``,
    ``ends``: of the log. ``read`` gives the records of ranges that the log has.
    """
    positions = {
        partition: min(max(applied.get(partition, starts[partition]), starts[partition]), end)
        for partition, end in ends.items()
    }
    waiting = sum(ends[partition] - position for partition, position in positions.items())
    newest_on_topic = max(_timestamps(read, _before(ends, starts)), default=None)
    if not waiting:
        return TableLag(0, newest_on_topic, newest_on_topic, None)
    behind = [
        OffsetRange(partition, position, min(position + FEW, ends[partition]))
        for partition, position in positions.items()
    ]
    newest_applied = max(_timestamps(read, _before(positions, starts)), default=None)
    return TableLag(waiting, newest_on_topic, newest_applied, min(_timestamps(read, behind), default=None))


def _before(positions: Mapping[int, int], starts: Mapping[int, int]) -> list[OffsetRange]:
    return [
        OffsetRange(partition, max(position - FEW, starts[partition]), position)
        for partition, position in positions.items()
    ]


def _timestamps(read: ReadRanges, ranges: Sequence[OffsetRange]) -> list[int]:
    there = [range_ for range_ in ranges if range_.offsets > 0]
    return [record.timestamp for record in read(there)] if there else []
