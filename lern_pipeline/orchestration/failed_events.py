"""What failed, why and when: the asset ``failed_events``, hourly by schedule, and on demand (design 6)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.microbatch.failure_groups import FailureGroup, failure_groups
from lern_pipeline.microbatch.failure_trace import FailureTrace, newest_first
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.failed_logs import all_traces
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lineage import OPERATIONS
from lern_pipeline.settings import Configuration

FAILED_EVENTS = dg.AssetKey("failed_events")
JOB = "failed_events_job"
SCHEDULE = "failed_events_hourly"

SHOWN_GROUPS = 200
SHOWN_EVENTS = 200
SHOWN_BATCHES = 3
UNKNOWN = "unknown"

GROUP_COLUMNS = [
    dg.TableColumn("job", "string"),
    dg.TableColumn("error", "string", description="Error class."),
    dg.TableColumn("reason", "string", description="As the batch counts it."),
    dg.TableColumn("events", "int", description="Failed records."),
    dg.TableColumn("first", "string"),
    dg.TableColumn("last", "string"),
    dg.TableColumn("batches", "string", description="Keys, the newest first."),
]
EVENT_COLUMNS = [
    dg.TableColumn("time", "string"),
    dg.TableColumn("job", "string"),
    dg.TableColumn("error", "string", description="Error class."),
    dg.TableColumn("reason", "string"),
    dg.TableColumn("attempt", "int", description="Attempts that have failed."),
    dg.TableColumn("topic", "string"),
    dg.TableColumn("partition", "int"),
    dg.TableColumn("offset", "int"),
    dg.TableColumn("event", "string", description="The event that failed: topic/partition/offset."),
    dg.TableColumn("batch", "string"),
    dg.TableColumn("not_redrivable", "string", description="Why it cannot be sent again; empty: it can."),
]


def failed_events_asset(jobs: Sequence[JobSpec[Any, Any]], configuration: Configuration) -> dg.AssetsDefinition:
    """The failed events of all jobs as an asset, downstream of the topics that hold them."""
    topics = {names.topic_key(job.failed_topic(own), own) for job, own in _with_settings(jobs, configuration)}

    @dg.asset(
        key=FAILED_EVENTS,
        deps=sorted(topics),
        group_name=OPERATIONS,
        kinds={"kafka"},
        owners=["team:lern"],
        description=(
            "Events that could not be used, of every job: how many for which reason, and the newest one by one, with "
            "the way back to their batches. The job redrive_failed_events_job sends them through again."
        ),
    )
    def _failed(installation: Installation) -> dg.MaterializeResult:
        try:
            traces, left_out = all_traces(jobs, installation)
        except LernPipelineError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        return dg.MaterializeResult(metadata=failed_events_metadata(traces, left_out, names_of(jobs)))

    return _failed


def _with_settings(jobs: Sequence[JobSpec[Any, Any]], configuration: Configuration) -> list[tuple[Any, Any]]:
    return [(job, configuration.for_job(job.name)) for job in jobs]


def names_of(jobs: Sequence[JobSpec[Any, Any]]) -> dict[str, str]:
    """``jobName`` of failed records → the job's name."""
    return {job.job_name_in_records: job.name for job in jobs}


def failed_events_metadata(
    traces: Sequence[FailureTrace], left_out: int, job_names: Mapping[str, str]
) -> dict[str, Any]:
    """What people plot and look up. A job that is none of ours is ``unknown``: whoever writes to the topics may call
    it anything."""
    groups = failure_groups(traces)
    return {
        "failed_events": len(traces),
        "not_redrivable": sum(bool(trace.hindrance) for trace in traces),
        "older_not_looked_at": left_out,
        "by_reason": _group_table(groups, job_names),
        "newest": event_table(traces, job_names),
    }


def _group_table(groups: Sequence[FailureGroup], job_names: Mapping[str, str]) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord(
            {
                "job": job_names.get(group.job_name, UNKNOWN),
                "error": group.error_class,
                "reason": group.reason,
                "events": group.count,
                "first": time_text(group.first_ms),
                "last": time_text(group.last_ms),
                "batches": _batches(group.batches),
            }
        )
        for group in groups[:SHOWN_GROUPS]
    ]
    return dg.MetadataValue.table(records, dg.TableSchema(GROUP_COLUMNS))


def _batches(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - SHOWN_BATCHES} more" if len(keys) > SHOWN_BATCHES else ""
    return ", ".join(keys[:SHOWN_BATCHES]) + more


def event_table(traces: Sequence[FailureTrace], job_names: Mapping[str, str]) -> dg.TableMetadataValue:
    """The newest failed events one by one, so many that the page stays light."""
    records = [
        dg.TableRecord(
            {
                "time": time_text(trace.failed_at_ms),
                "job": job_names.get(trace.job_name, UNKNOWN),
                "error": trace.error_class,
                "reason": trace.reason,
                "attempt": trace.attempt,
                "topic": trace.topic,
                "partition": trace.position.partition,
                "offset": trace.position.offset,
                "event": "" if trace.origin is None else str(trace.origin),
                "batch": trace.batch,
                "not_redrivable": trace.hindrance,
            }
        )
        for trace in newest_first(traces)[:SHOWN_EVENTS]
    ]
    return dg.MetadataValue.table(records, dg.TableSchema(EVENT_COLUMNS))


def time_text(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def failed_events_schedule() -> tuple[Any, dg.ScheduleDefinition]:
    """The job that renews the asset, and its hourly schedule."""
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(FAILED_EVENTS),
        description="Looks into the failed topics of all jobs.",
    )
    schedule = dg.ScheduleDefinition(
        name=SCHEDULE,
        job=job,
        cron_schedule="53 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Looks every hour which events have failed.",
    )
    return job, schedule
