"""Seeing micro-batches come: reads Dagster's instance, starts nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus

from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.planner import lag_behind
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.drain import failure_reason
from lern_pipeline.orchestration.lane import Lane
from lern_pipeline.resources.kafka_positions import KafkaPositions
from lern_pipeline.settings import Configuration

FIGURES = ("events", "processed", "skipped", "failed", "rows_written", "keys_written", "messages")


@dataclass(frozen=True, slots=True)
class DoneBatch:
    """A micro-batch that has materialised."""

    key: MicroBatchKey
    figures: Mapping[str, int]
    seconds: float


class LaneWatch:
    """One job's batches, from a moment on."""

    def __init__(self, job: JobSpec[Any, Any], configuration: Configuration, instance: DagsterInstance) -> None:
        self.job = job
        self.settings = settings = configuration.for_job(job.name)
        self.topic = job.input_topic(settings)
        self._positions = KafkaPositions(settings)
        self._lane = Lane(job, settings, instance, self._positions)
        self._instance = instance
        # What an earlier demo finished is no news.
        self._told = {str(key) for key in self._lane.chain().keys if self._lane.is_materialised(key)}
        self.done: list[DoneBatch] = []
        self.failures: dict[str, str] = {}

    def close(self) -> None:
        self._positions.close()

    @property
    def has_position(self) -> bool:
        """Whether the lane knows where it starts; what is published before that it may never see."""
        return self._lane.chain().newest is not None

    def waiting(self) -> int:
        """Records that no finished batch holds yet."""
        ends = self._positions.offsets(self.topic).ends
        position: dict[int, int] = {}
        for key in self._lane.chain().keys:
            if not key.is_position and not self._lane.is_materialised(key):
                return lag_behind(key.starts, ends)
            position = key.ends
        return lag_behind(position, ends)

    def start(self) -> None:
        """Only what comes from now on counts."""
        self.done.clear()

    def covers(self, ends: Mapping[int, int]) -> bool:
        """Whether finished batches reach the given offsets."""
        reached = self.done[-1].key.ends if self.done else {}
        return all(reached.get(partition, 0) >= end for partition, end in ends.items())

    def look(self, report: Callable[[str], None]) -> bool:
        """Reports what has happened since the last look; True if something has."""
        news = False
        for key in self._lane.chain().keys:
            if str(key) in self._told or key.is_position:
                continue
            batch = self._finished(key)
            if batch is None:
                return self._report_failures(key, report) or news
            self._told.add(str(key))
            self.done.append(batch)
            report(_line(self.job, batch))
            news = True
        return news

    def total(self, figure: str) -> int:
        return sum(batch.figures[figure] for batch in self.done)

    @property
    def seconds(self) -> float:
        return sum(batch.seconds for batch in self.done)

    def _finished(self, key: MicroBatchKey) -> DoneBatch | None:
        wanted = dg.AssetRecordsFilter(names.asset_key(self.job), asset_partitions=[str(key)])
        for record in self._instance.fetch_materializations(wanted, limit=1).records:
            if record.asset_materialization is not None:
                metadata = record.asset_materialization.metadata
                values: dict[str, Any] = {name: entry.value for name, entry in metadata.items()}
                figures = {name: int(values.get(name, 0)) for name in FIGURES}
                return DoneBatch(key, figures, float(values.get("seconds", 0.0)))
        return None

    def _report_failures(self, key: MicroBatchKey, report: Callable[[str], None]) -> bool:
        news = False
        for record in self._lane.runs_of(key):
            run = record.dagster_run
            if run.status is DagsterRunStatus.FAILURE and run.run_id not in self.failures:
                self.failures[run.run_id] = failure_reason(self._instance, run.run_id)
                report(f"{self.job.name} {key}: failed: {self.failures[run.run_id]}")
                news = True
        return news


def _line(job: JobSpec[Any, Any], batch: DoneBatch) -> str:
    figures = batch.figures
    return (
        f"{job.name} {batch.key}: {figures['events']} consumed, {figures['processed']} processed, "
        f"{figures['skipped']} skipped, {figures['failed']} failed in {batch.seconds:.2f} s"
    )
