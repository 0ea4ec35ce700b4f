"""Forgetting old batches: keys whose data Kafka no longer has and whose stored plan has expired (design 3)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lane import IN_PROGRESS, Lane


def prunable(
    keys: Sequence[MicroBatchKey], log_starts: dict[int, int], now: datetime, retention: timedelta, most: int
) -> list[MicroBatchKey]:
    """The oldest keys that may go, in order; never the newest.

    A key may go when its plan has expired and Kafka has none of its records any more, or when there are more than
    ``most`` keys and its plan has expired. The first key that must stay keeps all behind it: the chain stays whole.
    """
    expired: list[MicroBatchKey] = []
    for index, key in enumerate(keys[:-1]):
        if now - key.planned_at < retention:
            break
        unreadable = all(range_.end <= log_starts.get(range_.partition, 0) for range_ in key.ranges)
        if not unreadable and len(keys) - index <= most:
            break
        expired.append(key)
    return expired


def prune(job: JobSpec[Any, Any], instance: dg.DagsterInstance, installation: Installation, now: datetime) -> int:
    """Delete what :func:`prunable` names, its archive and plans first; never a key with a run in flight."""
    settings = installation.settings(job)
    lane = Lane(job, settings, instance, installation.positions(job))
    starts = installation.positions(job).offsets(job.input_topic(settings)).starts
    store = installation.store(job, instance)
    retention = timedelta(days=settings.integer("microbatch.archive.retention.days"))
    # Before the ledger: what a batch planned meanwhile stores is no leftover.
    stored = set(store.keys())
    chain = lane.chain_of_all()
    for stray in chain.strays:
        # Left by a planner that died: at the beginning of a pruned ledger it would be taken for the lane's first key.
        instance.delete_dynamic_partition(names.partitions_name(job), stray)
    keys = list(chain.keys)
    removed = 0
    for key in prunable(keys, starts, now, retention, settings.integer("microbatch.keys.max")):
        if any(record.dagster_run.status in IN_PROGRESS for record in lane.runs_of(key)):
            break
        store.delete(str(key))
        instance.delete_dynamic_partition(names.partitions_name(job), str(key))
        removed += 1
    for left in stored - {str(key) for key in keys}:
        # The key went before its files did (a crash in between): finish it.
        store.delete(left)
    return removed


def pruning_job(jobs: Sequence[JobSpec[Any, Any]]) -> dg.JobDefinition:
    """One run for all lanes."""

    @dg.op(name="prune_micro_batches", description="Forget batches that can no longer be run again.")
    def _prune(context: dg.OpExecutionContext, installation: Installation) -> None:
        now = datetime.now(UTC)
        for job in jobs:
            context.log.info(f"{job.name}: {prune(job, context.instance, installation, now)} batches forgotten")

    @dg.job(name="prune_micro_batches_job", description="Forget micro-batches whose data and plans have expired.")
    def _job() -> None:
        _prune()

    return _job


def pruning_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Daily, in the quiet hours."""
    return dg.ScheduleDefinition(
        name="prune_micro_batches_daily",
        job=job,
        cron_schedule="17 3 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Keeps the asset pages quick and the archive small.",
    )
