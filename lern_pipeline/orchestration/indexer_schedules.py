"""The daily increment and the full rebuild of the user cache; both off until somebody turns them on."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from lern_pipeline.orchestration import indexer_names
from lern_pipeline.orchestration.course_batches import MAX_RUNTIME_SECONDS, RANGE_END_TAG, RANGE_START_TAG
from lern_pipeline.orchestration.names import MAX_RUNTIME_TAG
from lern_pipeline.settings import JobSettings


def indexer_schedules(job: Any, settings: JobSettings) -> list[dg.ScheduleDefinition]:
    """The schedules, for all buckets."""
    keys = indexer_names.bucket_keys(settings)

    @dg.schedule(
        name=indexer_names.DAILY_SCHEDULE,
        job=job,
        cron_schedule="23 2 * * *",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Users updated since yesterday. Off by default: the events' job keeps the cache up to date.",
    )
    def _daily(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        moment = context.scheduled_execution_time
        yield from requests_for(
            keys, moment.isoformat(), {"from_specific_date": yesterday(moment, settings.text("session.time.zone"))}
        )

    @dg.schedule(
        name=indexer_names.FULL_SCHEDULE,
        job=job,
        cron_schedule="43 0 * * 0",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=(
            "All users, weekly: finds changes that leave updateddate alone, such as an organisation's new name. "
            "Deletes no hash. Off by default, since it reads all users."
        ),
    )
    def _full(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        yield from requests_for(keys, context.scheduled_execution_time.isoformat(), {})

    return [_daily, _full]


def yesterday(moment: datetime, zone: str) -> str:
    """The day before, where ``updateddate`` becomes a day."""
    return (moment.astimezone(ZoneInfo(zone)) - timedelta(days=1)).date().isoformat()


def requests_for(keys: Sequence[str], tick: str, config: dict[str, Any]) -> Iterator[dg.RunRequest]:
    """A run for so many neighbouring buckets; a tick that is repeated requests no run twice."""
    for start in range(0, len(keys), indexer_names.BUCKETS_PER_RUN):
        together = keys[start : start + indexer_names.BUCKETS_PER_RUN]
        yield dg.RunRequest(
            run_key=f"{tick} {together[0]}",
            run_config={"ops": {indexer_names.ASSET.to_python_identifier(): {"config": config}}},
            tags={
                RANGE_START_TAG: together[0],
                RANGE_END_TAG: together[-1],
                MAX_RUNTIME_TAG: str(MAX_RUNTIME_SECONDS),
            },
        )
