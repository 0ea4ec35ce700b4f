"""The check ``topic_to_table_lag`` on a job's table: how far it is behind the job's topic, in time."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.planner import BatchStatus
from lern_pipeline.microbatch.services import RecordsExpired
from lern_pipeline.microbatch.table_lag import TableLag, table_lag
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lane import Lane

LIMIT = "microbatch.lag.max.seconds"


def check_key(job: JobSpec[Any, Any]) -> dg.AssetCheckKey:
    """The check on the first of the job's stores."""
    return dg.AssetCheckKey(dg.AssetKey(list(job.stores[0].name)), names.TABLE_LAG)


def table_lag_check(job: JobSpec[Any, Any]) -> dg.AssetChecksDefinition:
    """The check's definition."""

    @dg.asset_check(
        name=names.TABLE_LAG,
        asset=check_key(job).asset_key,
        description=(
            "How much older the newest event in the table is than the newest on the topic; no event has waited longer "
            f"than {LIMIT}."
        ),
    )
    def _table_lag(context: dg.AssetCheckExecutionContext, installation: Installation) -> dg.AssetCheckResult:
        settings = installation.settings(job)
        try:
            lag = found_lag(job, context.instance, installation)
        except (LernPipelineError, RecordsExpired) as error:
            return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=str(error))
        return check_result(lag, int(time.time() * 1000), settings.number(LIMIT))

    return _table_lag


def found_lag(job: JobSpec[Any, Any], instance: dg.DagsterInstance, installation: Installation) -> TableLag:
    """The lag as the ledger and the topic have it.

    Raises:
        ServiceUnavailable: Kafka does not answer.
        RecordsExpired: Kafka deleted records just now.
    """
    settings = installation.settings(job)
    topic, positions = job.input_topic(settings), installation.positions(job)
    newest = Lane(job, settings, instance, positions).newest()
    offsets = positions.offsets(topic)
    if newest is None:
        # Where the lane will begin nobody has decided yet.
        return TableLag(0, None, None, None)
    # Until it is done, none of a batch counts.
    applied = newest.key.ends if newest.status is BatchStatus.MATERIALISED else newest.key.starts
    broker = installation.services(job).broker

    def read(ranges: Sequence[OffsetRange]) -> list[Record]:
        return broker.read(topic, MicroBatchKey.of(datetime.now(UTC), ranges))

    return table_lag(applied, offsets.starts, offsets.ends, read)


def check_result(lag: TableLag, now_ms: int, limit_seconds: float) -> dg.AssetCheckResult:
    """As an operator reads it. What counts is how long events wait: where events are rare, the newest one in the table
    may be hours older than one that came a moment ago."""
    waited, seconds = lag.waited_seconds(now_ms), lag.seconds
    behind = "not known" if seconds is None else f"{seconds:.1f} s"
    times = {"newest_on_topic": lag.newest_on_topic, "newest_in_table": lag.newest_applied}
    return dg.AssetCheckResult(
        passed=waited <= limit_seconds,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{lag.waiting} records wait, the oldest for {waited:.1f} s (limit {limit_seconds:g}); from the newest in "
            f"the table to the newest on the topic: {behind}"
        ),
        metadata={
            "waiting": lag.waiting,
            "oldest_waiting_seconds": waited,
            **({} if seconds is None else {"lag_seconds": seconds}),
            **{name: dg.MetadataValue.timestamp(ms / 1000) for name, ms in times.items() if ms is not None},
        },
    )
