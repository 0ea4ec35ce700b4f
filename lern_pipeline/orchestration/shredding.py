"""Daily: what is kept of micro-batches and holds a deleted user's data is shredded."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from lern_pipeline.jobs.deletion_proof.deleted_users import note, noted, really_deleted, users_named
from lern_pipeline.jobs.deletion_proof.shredding import shred
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.places import Places

NAME = "shred_deleted_users"
MOST = 100_000


def shred_deleted_users(
    instance: dg.DagsterInstance, installation: Installation, jobs: Sequence[JobSpec[Any, Any]], today: date
) -> Iterator[dg.AssetObservation]:
    """Shred, and give what each batch says from now on.

    Raises:
        ServiceUnavailable: who was deleted cannot be told.
    """
    places = Places(installation, instance, jobs, whole_tables=False)
    rows = installation.services(USER_DELETION_CLEANUP).rows
    settings = installation.settings(USER_DELETION_CLEANUP)
    named = users_named(USER_DELETION_CLEANUP, places.archive_of_deletions())
    deleted = really_deleted(named, rows, settings)
    # Before the events that name them are gone.
    note({user: named[user] for user in deleted}, rows, settings)
    by_name = {job.name: job for job in jobs}
    for job, key, why in shred(noted(rows, settings, MOST), places.archives(), today):
        yield dg.AssetObservation(names.asset_key(by_name[job]), partition=key, metadata={"no_longer_rerunnable": why})


def shredding_job(jobs: Sequence[JobSpec[Any, Any]]) -> dg.JobDefinition:
    """One run for all lanes."""

    @dg.op(name=NAME, description="Shred what is kept of micro-batches and holds a deleted user's data.")
    def _shred(context: dg.OpExecutionContext, installation: Installation) -> None:
        shredded = 0
        for observation in shred_deleted_users(context.instance, installation, jobs, datetime.now(UTC).date()):
            context.log_event(observation)
            shredded += 1
        context.log.info(f"{shredded} micro-batches shredded")

    @dg.job(
        name=f"{NAME}_job",
        description=(
            "Shreds archives and plans that hold personal data of deleted users. These batches cannot be run again."
        ),
    )
    def _job() -> None:
        _shred()

    return _job


def shredding_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Daily, before the proof."""
    return dg.ScheduleDefinition(
        name=f"{NAME}_daily",
        job=job,
        cron_schedule="17 2 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Nothing that the pipeline keeps for itself holds a deleted user's data for longer than a day.",
    )
