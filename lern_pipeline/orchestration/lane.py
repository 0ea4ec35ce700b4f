"""A job's lane on a Dagster instance: its keys, its newest batch, and carrying out what the planner decides."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from sqlalchemy.exc import IntegrityError

from lern_pipeline.errors import LaneStopped
from lern_pipeline.microbatch.chain import Chain, chain_of, is_unbroken
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.planner import (
    BatchStatus,
    LaneView,
    Limits,
    NewestBatch,
    PlanBatch,
    RequestRun,
    SetPosition,
    Step,
    Wait,
    next_step,
)
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.worker_process import Worker
from lern_pipeline.resources.kafka_positions import KafkaPositions, TopicOffsets
from lern_pipeline.settings import JobSettings

IN_PROGRESS = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.MANAGED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)

# Keys looked at to find the newest; the whole list is read only when these do not follow each other.
TAIL = 16


@dataclass(frozen=True, slots=True)
class LaneRun:
    """A run to start: partition, attempt and what waits behind it."""

    key: MicroBatchKey
    attempt: int
    lag: int = 0

    def run_key(self, job: JobSpec[Any, Any]) -> str:
        """Unique per attempt: Dagster swallows a run key it has seen, failed runs included."""
        return f"{job.name}:{self.key}#{self.attempt}"

    def tags(self, job: JobSpec[Any, Any]) -> dict[str, str]:
        return {
            names.LANE_TAG: job.name,
            names.ATTEMPT_TAG: str(self.attempt),
            names.LAG_TAG: str(self.lag),
        }


@dataclass(frozen=True, slots=True)
class LaneLook:
    """What one look at the lane found and decided."""

    step: Step
    newest: NewestBatch | None
    offsets: TopicOffsets
    run: LaneRun | None = None

    @property
    def lag(self) -> int:
        """Offsets waiting behind the newest batch."""
        if isinstance(self.step, PlanBatch):
            return self.step.lag - self.step.key.offsets
        return self.step.lag if isinstance(self.step, Wait) else 0


def _attempts(runs: Sequence[Any]) -> int:
    """Number of the newest attempt. Its tag tells, since only the newest runs of a key are looked at: a number that
    came twice would make a run key that Dagster has seen and swallows."""
    tagged = (record.dagster_run.tags.get(names.ATTEMPT_TAG, "") for record in runs)
    return max(len(runs), *(int(number) for number in tagged if number.isdecimal()), 0)


def limits_of(settings: JobSettings, immediate: bool = False) -> Limits:
    """The planner's limits from the settings; ``immediate``: without waiting for more records or a back-off."""
    min_records, max_wait_seconds = _collected(settings)
    limits = Limits(
        max_records=settings.integer("microbatch.max.records"),
        min_records=min_records,
        max_bytes=settings.integer("microbatch.max.bytes"),
        max_wait_seconds=max_wait_seconds,
        backoff_seconds=settings.integer("task.restart-strategy.delay") / 1000,
        max_backoff_seconds=settings.number("microbatch.backoff.max.seconds"),
        offset_reset=settings.text("kafka.auto.offset.reset"),
    )
    return replace(limits, max_wait_seconds=0.0, backoff_seconds=0.0) if immediate else limits


def _collected(settings: JobSettings) -> tuple[int, float]:
    """How many records a batch waits for, and how long: by size or by interval, whichever comes first.

    A job's own ``threshold.batch.read.size`` and ``.interval`` say so where the interval is set (contract
    activity-aggregate-updater D2); a batch that is due takes all that waits, up to ``microbatch.max.records``.
    """
    try:
        interval = settings.number("threshold.batch.read.interval")
        size = settings.integer("threshold.batch.read.size")
    except KeyError:
        interval, size = 0.0, 0
    if interval:
        return size, interval
    return settings.integer("microbatch.min.records"), settings.number("microbatch.max.wait.seconds")


class Lane:
    """One job's micro-batches, in order, on one instance."""

    def __init__(
        self, job: JobSpec[Any, Any], settings: JobSettings, instance: DagsterInstance, positions: KafkaPositions
    ) -> None:
        self.job = job
        self.settings = settings
        self.instance = instance
        self.positions = positions
        self._partitions = names.partitions_name(job)
        self._materialised: tuple[MicroBatchKey | None, Sequence[Any]] = (None, ())

    # --- the ledger

    def key_texts(self) -> Sequence[str]:
        """All keys in insertion order."""
        return self.instance.get_dynamic_partitions(self._partitions)

    def chain(self) -> Chain:
        """The keys that count. Reads the newest few; all of them only if these do not follow each other."""
        page = self.instance.get_paginated_dynamic_partitions(self._partitions, limit=TAIL, ascending=False)
        tail = list(reversed(page.results))
        return chain_of(tail if is_unbroken(tail) else self.key_texts())

    def chain_of_all(self) -> Chain:
        """The whole chain, oldest key first."""
        return chain_of(self.key_texts())

    def newest(self) -> NewestBatch | None:
        """The newest key and how far it has come."""
        key = self.chain().newest
        if key is None:
            return None
        if key.is_position:
            self._note_position(key)
            return NewestBatch(key, BatchStatus.MATERIALISED)
        if self.is_materialised(key):
            return NewestBatch(key, BatchStatus.MATERIALISED)
        runs = self.runs_of(key)
        if not runs:
            return NewestBatch(key, BatchStatus.NOT_REQUESTED)
        if any(record.dagster_run.status in IN_PROGRESS for record in runs):
            return NewestBatch(key, BatchStatus.IN_PROGRESS, _attempts(runs))
        ended = max(record.end_time or record.update_timestamp.timestamp() for record in runs)
        return NewestBatch(key, BatchStatus.FAILED, _attempts(runs), ended)

    def is_materialised(self, key: MicroBatchKey) -> bool:
        return bool(self._materialisations(key))

    def bytes_per_record(self, key: MicroBatchKey) -> float | None:
        """Average size of the records of a materialised batch."""
        for record in self._materialisations(key):
            metadata = record.asset_materialization.metadata if record.asset_materialization else {}
            events, size = metadata.get("events"), metadata.get("record_bytes")
            if events is not None and size is not None and events.value:
                return float(size.value) / float(events.value)
        return None

    def _materialisations(self, key: MicroBatchKey) -> Sequence[Any]:
        known, records = self._materialised
        if known == key:
            return records
        wanted = dg.AssetRecordsFilter(names.asset_key(self.job), asset_partitions=[str(key)])
        records = self.instance.fetch_materializations(wanted, limit=1).records
        if records:
            # Asked for twice in each look, and it does not go away again.
            self._materialised = key, records
        return records

    def runs_of(self, key: MicroBatchKey) -> list[Any]:
        """The key's runs, newest first, after those whose process died have been marked failed."""
        found = self.instance.get_run_records(RunsFilter(tags={names.PARTITION_TAG: str(key)}), limit=50)
        runs = [record for record in found if self._is_of_this_job(record.dagster_run)]
        for index, record in enumerate(runs):
            if self._is_abandoned(record.dagster_run):
                self.instance.report_run_failed(
                    record.dagster_run, "The run's process is gone (killed, or the machine restarted)."
                )
                runs[index] = self.instance.get_run_records(RunsFilter(run_ids=[record.dagster_run.run_id]))[0]
        return runs

    def _is_of_this_job(self, run: Any) -> bool:
        key = names.asset_key(self.job)
        return run.job_name == names.asset_job_name(self.job) or key in (run.asset_selection or ())

    @staticmethod
    def _is_abandoned(run: Any) -> bool:
        worker = Worker.of_run(run.run_id, run.tags)
        return run.status in IN_PROGRESS and worker is not None and worker.is_dead

    # --- planning

    def advance(
        self, waiting_since: float | None = None, immediate: bool = False, now: float | None = None
    ) -> LaneLook:
        """Look, decide, and write the decision into the ledger. Idempotent: a tick that dies may be repeated.

        Raises:
            ServiceUnavailable: Kafka does not answer.
        """
        look = self.inspect(waiting_since, immediate, now)
        run = self._carry_out(look.step)
        if run is not None and self.job.pool and self.instance.global_op_concurrency_default_limit is not None:
            # Dagster sets a pool's limit when it first sees runs of it queued, and lets just those pass unlimited.
            self.instance.event_log_storage.initialize_concurrency_limit_to_default(self.job.pool)
        return replace(look, run=run)

    def inspect(
        self, waiting_since: float | None = None, immediate: bool = False, now: float | None = None
    ) -> LaneLook:
        """Look and decide; change nothing.

        Raises:
            ServiceUnavailable: Kafka does not answer.
        """
        newest = self.newest()
        topic = self.job.input_topic(self.settings)
        offsets = self.positions.offsets(topic)
        committed: dict[int, int] = {}
        if newest is None and offsets.ends:
            committed = self.positions.committed(topic, self.job.consumer_group(self.settings))
        materialised = newest is not None and newest.status is BatchStatus.MATERIALISED
        view = LaneView(
            now=time.time() if now is None else now,
            newest=newest,
            log_starts=offsets.starts,
            log_ends=offsets.ends,
            committed=committed,
            limits=limits_of(self.settings, immediate),
            waiting_since=waiting_since,
            bytes_per_record=self.bytes_per_record(newest.key) if newest and materialised else None,
        )
        return LaneLook(next_step(view), newest, offsets)

    def ends(self) -> dict[int, int]:
        """Where the input topic ends now.

        Raises:
            ServiceUnavailable: Kafka does not answer.
        """
        return self.positions.ends(self.job.input_topic(self.settings))

    def _carry_out(self, step: Step) -> LaneRun | None:
        if isinstance(step, RequestRun):
            return LaneRun(step.key, step.attempt)
        if isinstance(step, SetPosition):
            self._start_at(step.key)
            return None
        if isinstance(step, PlanBatch) and self.add_key(step.key):
            return LaneRun(step.key, 1, step.lag - step.key.offsets)
        return None

    def _start_at(self, key: MicroBatchKey) -> None:
        """Begin the ledger with a position. Asking for committed offsets takes its time: another planner that has
        begun it meanwhile, and perhaps planned on, must not be moved back."""
        if self.key_texts():
            return
        self.add_key(key)
        if self.key_texts()[0] != str(key):
            self.instance.delete_dynamic_partition(self._partitions, str(key))

    def add_key(self, key: MicroBatchKey) -> bool:
        """Add a key to the ledger. False if another planner was first: then ours is taken back."""
        # Dagster looks for the key, then inserts it: another planner may insert the very same one in between.
        with contextlib.suppress(IntegrityError):
            self.instance.add_dynamic_partitions(self._partitions, [str(key)])
        chain = chain_of(self.key_texts())
        for stray in chain.strays:
            self.instance.delete_dynamic_partition(self._partitions, stray)
        if chain.newest is not None and chain.newest.is_position:
            self._note_position(chain.newest)
        return chain.newest == key

    def set_position(self, positions: dict[int, int], now: float | None = None) -> MicroBatchKey:
        """Move the lane (rewind). The next batch starts there.

        Raises:
            LaneStopped: a batch is running; its outcome would be lost from the order.
        """
        newest = self.newest()
        if newest is not None and newest.status is BatchStatus.IN_PROGRESS:
            raise LaneStopped(f"{self.job.name}: {newest.key} is running; try again when it has ended")
        moment = datetime.fromtimestamp(time.time() if now is None else now, UTC)
        key = MicroBatchKey.at(moment, positions)
        self.add_key(key)
        return key

    def _note_position(self, key: MicroBatchKey) -> None:
        """Position keys hold no records: they count as materialised from the start."""
        if self.is_materialised(key):
            return
        positions = {f"partition {partition}": offset for partition, offset in sorted(key.ends.items())}
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(
                names.asset_key(self.job),
                partition=str(key),
                description="The lane's position was set; no records belong to this key.",
                metadata={"positions": positions},
            )
        )
