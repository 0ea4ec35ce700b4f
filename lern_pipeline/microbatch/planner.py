"""What a lane does next, as a pure function of what was found.

The sensor, and ``drain`` without a daemon, look at the newest key, its run and Kafka's end offsets, and ask
:func:`next_step`. No clock, no I/O: time comes in with the view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange


class BatchStatus(Enum):
    """How far the newest batch has come."""

    MATERIALISED = "materialised"
    IN_PROGRESS = "in progress"
    FAILED = "failed"
    NOT_REQUESTED = "not requested"


@dataclass(frozen=True, slots=True)
class NewestBatch:
    """The newest key and what became of it. ``attempts``: runs so far; ``failed_at``: epoch s of the last failure."""

    key: MicroBatchKey
    status: BatchStatus
    attempts: int = 0
    failed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How batches are cut and failed ones are tried again; the settings of the same names."""

    max_records: int = 50_000
    min_records: int = 500
    max_bytes: int = 64 * 1024 * 1024
    max_wait_seconds: float = 0.0
    backoff_seconds: float = 30.0
    max_backoff_seconds: float = 600.0
    offset_reset: str = "latest"


@dataclass(frozen=True, slots=True)
class LaneView:
    """All that a decision depends on.

    ``log_ends``: partition → end offset (read_committed), empty while the topic does not exist; ``log_starts``
    likewise. ``committed``: the consumer group's offsets, asked for on the first start only. ``waiting_since``:
    epoch seconds when records were first seen waiting. ``bytes_per_record``: of the last batch, None if unknown.
    """

    now: float
    newest: NewestBatch | None
    log_starts: Mapping[int, int]
    log_ends: Mapping[int, int]
    committed: Mapping[int, int]
    limits: Limits
    waiting_since: float | None = None
    bytes_per_record: float | None = None


@dataclass(frozen=True, slots=True)
class PlanBatch:
    """Add ``key`` and request its first run."""

    key: MicroBatchKey
    lag: int


@dataclass(frozen=True, slots=True)
class SetPosition:
    """Add the position key ``key``: the lane starts there."""

    key: MicroBatchKey


@dataclass(frozen=True, slots=True)
class RequestRun:
    """Request run number ``attempt`` of the newest key."""

    key: MicroBatchKey
    attempt: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do now. ``lag``: offsets not yet planned; ``until``: epoch seconds of the next look, if known."""

    reason: str
    lag: int = 0
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The lane needs an operator."""

    reason: str


Step = PlanBatch | SetPosition | RequestRun | Wait | Stop


def next_step(view: LaneView) -> Step:
    """Decide (design: lane gate, adoption, attempts with back-off, adaptive size)."""
    newest = view.newest
    if newest is not None:
        if newest.status is BatchStatus.IN_PROGRESS:
            return Wait(f"{newest.key} is running", lag=lag_behind(newest.key.ends, view.log_ends))
        if newest.status is BatchStatus.NOT_REQUESTED:
            return RequestRun(newest.key, newest.attempts + 1)
        if newest.status is BatchStatus.FAILED:
            return _try_again(newest, view)
    if not view.log_ends:
        return Wait("the topic does not exist yet")
    if newest is None:
        return _first_start(view)
    return _plan(newest.key.ends, view)


def _try_again(newest: NewestBatch, view: LaneView) -> Step:
    due = (newest.failed_at or 0.0) + backoff_seconds(newest.attempts, view.limits)
    if view.now < due:
        return Wait(
            f"{newest.key} failed {newest.attempts}×, next attempt in {due - view.now:.0f} s",
            lag=lag_behind(newest.key.ends, view.log_ends),
            until=due,
        )
    return RequestRun(newest.key, newest.attempts + 1)


def backoff_seconds(failures: int, limits: Limits) -> float:
    """Pause after ``failures`` failed runs: doubling from the first pause up to the longest."""
    return min(limits.backoff_seconds * 2.0 ** min(max(failures - 1, 0), 30), limits.max_backoff_seconds)


def _first_start(view: LaneView) -> SetPosition | Stop:
    """Where the consumer group stands, so that nothing is lost at the cut-over; else as the reset setting says."""
    positions = {}
    for partition, end in view.log_ends.items():
        start = view.log_starts.get(partition, 0)
        committed = view.committed.get(partition)
        if committed is not None:
            # Offsets that have expired from the log are gone for any consumer: begin at what is left.
            positions[partition] = min(max(committed, start), end)
        else:
            positions[partition] = start if view.limits.offset_reset == "earliest" else end
    return SetPosition(MicroBatchKey.at(_utc(view.now), positions))


def _plan(positions: Mapping[int, int], view: LaneView) -> Step:
    for partition, at in sorted(positions.items()):
        end = view.log_ends.get(partition)
        if end is None:
            return Stop(
                f"partition {partition} has gone from the topic (the lane stands at {at}): "
                "the topic was made anew; set the position with 'lern-pipeline rewind'"
            )
        if end < at:
            return Stop(
                f"partition {partition} ends at {end}, before the lane's position {at}: "
                "the topic was made anew; set the position with 'lern-pipeline rewind'"
            )
    # A partition added to the topic since the last batch was empty when it came: it is read from its start.
    starts = {p: positions.get(p, view.log_starts.get(p, 0)) for p in view.log_ends}
    lag = lag_behind(starts, view.log_ends)
    if lag == 0:
        return Wait("nothing new")
    waited = view.now - (view.waiting_since if view.waiting_since is not None else view.now)
    if lag < view.limits.min_records and waited < view.limits.max_wait_seconds:
        return Wait(
            f"{lag} waiting, collecting up to {view.limits.min_records}",
            lag=lag,
            until=view.now - waited + view.limits.max_wait_seconds,
        )
    sizes = _shares({p: view.log_ends[p] - starts[p] for p in starts}, batch_size(lag, view))
    ranges = (OffsetRange(p, start, start + sizes[p]) for p, start in starts.items())
    return PlanBatch(MicroBatchKey.of(_utc(view.now), ranges), lag)


def batch_size(lag: int, view: LaneView) -> int:
    """Offsets the next batch takes: all that waits, up to the limits on records and on bytes."""
    size = min(lag, view.limits.max_records)
    if view.bytes_per_record:
        size = min(size, max(int(view.limits.max_bytes / view.bytes_per_record), 1))
    return size


def lag_behind(positions: Mapping[int, int], ends: Mapping[int, int]) -> int:
    """Offsets between ``positions`` and ``ends``, over all partitions of the topic."""
    return sum(max(end - positions.get(partition, end), 0) for partition, end in ends.items())


def _shares(waiting: Mapping[int, int], total: int) -> dict[int, int]:
    """``total`` dealt out evenly over partitions, none getting more than waits there."""
    shares = dict.fromkeys(waiting, 0)
    open_ = sorted(waiting, key=lambda p: (waiting[p], p))
    for index, partition in enumerate(open_):
        share = min(waiting[partition], total // (len(open_) - index))
        shares[partition] = share
        total -= share
    return shares


def _utc(epoch_seconds: float) -> datetime:
    return datetime.fromtimestamp(epoch_seconds, UTC)
