"""Do the materialised batches cover every offset exactly once? Pure: keys and their fate in, findings out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from lern_pipeline.microbatch.key import MicroBatchKey


class Fate(Enum):
    """What became of a batch."""

    RUN = "run"
    SKIPPED = "skipped by an operator"
    OPEN = "not materialised"


@dataclass(frozen=True, slots=True)
class Finding:
    """Offsets ``start`` to ``end`` of a partition that no batch covers (gap), or that two do (overlap)."""

    kind: str
    partition: int
    start: int
    end: int
    at: str

    def __str__(self) -> str:
        return f"{self.kind}: partition {self.partition}, offsets {self.start} to {self.end}, before {self.at}"


@dataclass(slots=True)
class Completeness:
    """``moves``: position keys that moved the lane, an operator's doing. ``open``: batches before the newest
    that never materialised."""

    findings: list[Finding] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)
    batches: int = 0

    @property
    def complete(self) -> bool:
        return not self.findings and not self.open


def completeness(batches: Sequence[tuple[MicroBatchKey, Fate]], log_starts: dict[int, int]) -> Completeness:
    """Check batches in the order of the ledger, per Kafka partition, from the log's start on.

    What lies below the log's start cannot be read any more and is not complained of. Where a position key moved the
    lane, the ranges begin anew: that is listed, and is neither gap nor overlap. The newest batch may be under way.
    """
    found = Completeness()
    expected: dict[int, int] = {}
    for index, (key, fate) in enumerate(batches):
        if key.is_position:
            if expected and key.ends != expected:
                found.moves.append(str(key))
            expected = dict(key.ends)
            continue
        found.batches += 1
        for range_ in key.ranges:
            before = expected.get(range_.partition)
            if before is not None and range_.start != before:
                found.findings.extend(_finding(range_.partition, before, range_.start, str(key), log_starts))
            expected[range_.partition] = range_.end
        if fate is Fate.SKIPPED:
            found.skipped.append(str(key))
        elif fate is Fate.OPEN and index < len(batches) - 1:
            found.open.append(str(key))
    return found


def _finding(partition: int, before: int, start: int, key: str, log_starts: dict[int, int]) -> list[Finding]:
    if start < before:
        return [Finding("overlap", partition, start, before, key)]
    readable_from = max(before, log_starts.get(partition, 0))
    return [Finding("gap", partition, readable_from, start, key)] if readable_from < start else []
