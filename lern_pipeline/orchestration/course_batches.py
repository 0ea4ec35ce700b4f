"""Which course batches can be rebuilt: a partition for each row of ``course_batch``; and all of them by schedule."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.jobs.activity_aggregates_rebuild.course_batches import read_course_batches
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.orchestration import rebuild_names
from lern_pipeline.orchestration.installation import Installation

KEYS_AT_A_TIME = 1000

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
MAX_RUNTIME_TAG = "dagster/max_runtime"
MAX_RUNTIME_SECONDS = 6 * 3600


def add_course_batches(instance: dg.DagsterInstance, installation: Installation) -> int:
    """Add the partitions that are missing. A course batch that is gone keeps its partition, and what is known of it.

    Returns:
        How many were added.

    Raises:
        ServiceUnavailable: Cassandra does not answer.
    """
    settings = installation.settings(ENROLMENT_RECONCILIATION)
    there = set(instance.get_dynamic_partitions(rebuild_names.PARTITIONS))
    batches = read_course_batches(installation.services(ENROLMENT_RECONCILIATION).rows, settings)
    missing = [batch.key for batch in batches if batch.key not in there]
    for start in range(0, len(missing), KEYS_AT_A_TIME):
        instance.add_dynamic_partitions(rebuild_names.PARTITIONS, missing[start : start + KEYS_AT_A_TIME])
    return len(missing)


def finding_job() -> dg.JobDefinition:
    """Looks for new course batches."""

    @dg.op(name="find_course_batches", description="Add a partition for every course batch that has none.")
    def _find(context: dg.OpExecutionContext, installation: Installation) -> None:
        try:
            context.log.info(f"{add_course_batches(context.instance, installation)} course batches added")
        except LernPipelineError as error:
            raise dg.Failure(str(error), allow_retries=False) from error

    @dg.job(name=rebuild_names.FIND_JOB, description="Makes new course batches partitions of the rebuild.")
    def _job() -> None:
        _find()

    return _job


def finding_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Daily: a rebuild is seldom wanted of a batch that has just begun."""
    return dg.ScheduleDefinition(
        name=rebuild_names.FIND_SCHEDULE,
        job=job,
        cron_schedule="37 2 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Makes new course batches partitions of the rebuild.",
    )


def rebuild_all_schedule(job: Any) -> dg.ScheduleDefinition:
    """Everything, weekly; off until somebody turns it on."""

    @dg.schedule(
        name=rebuild_names.ALL_SCHEDULE,
        job=job,
        cron_schedule="11 1 * * 6",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=(
            f"Rebuilds every course batch, {rebuild_names.PARTITIONS_PER_RUN} to a run. Off by default: the lanes that "
            "write learner rows wait while a run is at work."
        ),
    )
    def _all(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        keys = context.instance.get_dynamic_partitions(rebuild_names.PARTITIONS)
        yield from requests_for(keys, context.scheduled_execution_time.isoformat())

    return _all


def requests_for(keys: Sequence[str], tick: str) -> Iterator[dg.RunRequest]:
    """One run for so many neighbouring partitions that one look for their learners serves them all.

    ``tick`` tells one time of asking from another: a tick that is repeated requests no run twice.
    """
    for start in range(0, len(keys), rebuild_names.PARTITIONS_PER_RUN):
        together = keys[start : start + rebuild_names.PARTITIONS_PER_RUN]
        yield dg.RunRequest(
            run_key=f"{tick} {together[0]}",
            tags={
                RANGE_START_TAG: together[0],
                RANGE_END_TAG: together[-1],
                MAX_RUNTIME_TAG: str(MAX_RUNTIME_SECONDS),
            },
        )
