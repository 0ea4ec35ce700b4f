"""The check ``no_trace_of_deleted_users``: by schedule for the last deletions, and on demand for any user."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.jobs.deletion_proof.deleted_users import noted, really_deleted, users_named
from lern_pipeline.jobs.deletion_proof.proof import Proof, prove
from lern_pipeline.jobs.deletion_proof.trace import Trace, counted
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.masked_id import masked_id
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.places import Places

CHECK = "no_trace_of_deleted_users"
JOB = f"{CHECK}_job"
SCHEDULE = f"{CHECK}_daily"
SHOWN = 500

COLUMNS = [
    dg.TableColumn("user", "string", description="Masked."),
    dg.TableColumn("where", "string"),
    dg.TableColumn("what", "string"),
    dg.TableColumn("why_it_may_stay", "string", description="Empty: it must not."),
]


class ProofConfig(dg.Config):
    """What can be said in the launchpad."""

    users: list[str] = Field(default=[], description="Ids of the users to look for; empty: the last ones deleted.")
    most: int = Field(default=1000, ge=1, le=100_000, description="How many of the last ones, where none is named.")
    whole_tables: bool = Field(
        default=True,
        description="Also read user_lookup, program_enrollment and the ledger's effects whole: nothing else finds a "
        "user's rows in them.",
    )


def deletion_check(jobs: Sequence[JobSpec[Any, Any]]) -> dg.AssetChecksDefinition:
    """The check's definition."""

    @dg.asset_check(
        name=CHECK,
        asset=names.asset_key(USER_DELETION_CLEANUP),
        description=(
            "Deleted users are looked up in every store that the pipeline writes or cleans, and in what it keeps "
            "itself. Shows what is left, where, and why it may stay."
        ),
    )
    def _no_trace(
        context: dg.AssetCheckExecutionContext, config: ProofConfig, installation: Installation
    ) -> dg.AssetCheckResult:
        try:
            return check_result(proof(context.instance, installation, jobs, config))
        except LernPipelineError as error:
            return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=str(error))

    return _no_trace


def proof(
    instance: dg.DagsterInstance, installation: Installation, jobs: Sequence[JobSpec[Any, Any]], config: ProofConfig
) -> Proof:
    """Look for the users that the configuration names, else for the last ones deleted.

    Raises:
        ServiceUnavailable: who was deleted cannot be told.
    """
    places = Places(installation, instance, jobs, config.whole_tables)
    users = config.users or _last_deleted(places, installation, config.most)
    return prove(users, places.looks, places.left_out)


def _last_deleted(places: Places, installation: Installation, most: int) -> list[str]:
    """Of the events that are still kept, and of those that were shredded."""
    rows = installation.services(USER_DELETION_CLEANUP).rows
    settings = installation.settings(USER_DELETION_CLEANUP)
    named = users_named(USER_DELETION_CLEANUP, places.archive_of_deletions())
    deleted = really_deleted(named, rows, settings)
    newest = sorted(deleted, key=lambda user: (-named[user], user))
    return list(dict.fromkeys([*newest, *noted(rows, settings, most)]))[:most]


def check_result(proof: Proof) -> dg.AssetCheckResult:
    """The findings as an operator reads them."""
    left = proof.left
    described = [f"{counted(proof.users, 'user')} looked for: {counted(len(left), 'trace')} left that should be gone"]
    if proof.not_asked:
        described.append(f"not known of {', '.join(proof.not_asked)}")
    if proof.left_out:
        described.append(f"not looked into: {', '.join(proof.left_out)}")
    return dg.AssetCheckResult(
        passed=proof.holds,
        severity=dg.AssetCheckSeverity.ERROR if left else dg.AssetCheckSeverity.WARN,
        description="; ".join(described),
        metadata={
            "users": proof.users,
            "left": _table(left),
            "may_stay": _table([trace for trace in proof.traces if trace.may_stay]),
            "not_known": dg.MetadataValue.md(_lines(proof.not_asked)),
            "not_looked_into": dg.MetadataValue.md(_lines(proof.left_out)),
        },
    )


def _table(traces: Sequence[Trace]) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord(
            {
                "user": masked_id(trace.user_id),
                "where": trace.where,
                "what": trace.what,
                "why_it_may_stay": trace.may_stay,
            }
        )
        for trace in traces[:SHOWN]
    ]
    return dg.MetadataValue.table(records, dg.TableSchema(COLUMNS))


def _lines(reasons: Mapping[str, str]) -> str:
    return "\n".join(f"* {place}: {reason}" for place, reason in sorted(reasons.items())) or "none"


def deletion_check_schedule() -> tuple[Any, dg.ScheduleDefinition]:
    """The job that runs the check, and its daily schedule."""
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.checks(dg.AssetCheckKey(names.asset_key(USER_DELETION_CLEANUP), CHECK)),
        description="Looks for what is left of deleted users: {users: [ids]}, or the last ones deleted.",
    )
    asked = {"ops": {f"{USER_DELETION_CLEANUP.asset_name}_{CHECK}": {"config": {"whole_tables": False}}}}
    schedule = dg.ScheduleDefinition(
        name=SCHEDULE,
        job=job,
        cron_schedule="37 4 * * *",
        run_config=asked,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Looks daily for the last users deleted, without reading tables whole.",
    )
    return job, schedule
