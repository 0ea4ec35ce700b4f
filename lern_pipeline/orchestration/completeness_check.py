"""The check ``completeness`` on every job's asset: hourly by schedule, and on demand."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.microbatch.completeness import Completeness, Fate, completeness
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import InvalidKey, MicroBatchKey
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lane import Lane

PAGE = 500
SHOWN = 20


def completeness_check(job: JobSpec[Any, Any]) -> dg.AssetChecksDefinition:
    """The check's definition."""

    @dg.asset_check(
        name=names.COMPLETENESS,
        asset=names.asset_key(job),
        description=(
            "The materialised micro-batches cover every offset once, per Kafka partition since the log's start. "
            "Lists batches skipped by an operator and counts failed events."
        ),
    )
    def _completeness(context: dg.AssetCheckExecutionContext, installation: Installation) -> dg.AssetCheckResult:
        settings = installation.settings(job)
        positions = installation.positions(job)
        lane = Lane(job, settings, context.instance, positions)
        try:
            starts = positions.offsets(job.input_topic(settings)).starts
        except LernPipelineError as error:
            return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=str(error))
        fates, failed_events = batch_fates(job, context.instance)
        return check_result(completeness(_batches(lane.key_texts(), fates), starts), failed_events)

    return _completeness


def _batches(texts: Sequence[str], fates: dict[str, Fate]) -> list[tuple[MicroBatchKey, Fate]]:
    batches = []
    for text in texts:
        try:
            batches.append((MicroBatchKey.parse(text), fates.get(text, Fate.OPEN)))
        except InvalidKey:
            continue
    return batches


def batch_fates(job: JobSpec[Any, Any], instance: dg.DagsterInstance) -> tuple[dict[str, Fate], int]:
    """Key → what became of it, and how many events failed in the batches' newest runs."""
    fates: dict[str, Fate] = {}
    failed_events = 0
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(names.asset_key(job), limit=PAGE, cursor=cursor)
        for record in page.records:
            key, materialisation = record.partition_key, record.asset_materialization
            if key is None or materialisation is None or key in fates:
                continue
            counted = materialisation.metadata.get("failed")
            # Only runs count events: a materialisation without the count was reported by hand.
            fates[key] = Fate.SKIPPED if counted is None else Fate.RUN
            failed_events += int(str(counted.value)) if counted is not None else 0
        if not page.has_more:
            return fates, failed_events
        cursor = page.cursor


def check_result(found: Completeness, failed_events: int) -> dg.AssetCheckResult:
    """The findings as an operator reads them."""
    lines = [str(finding) for finding in found.findings] + [f"never materialised: {key}" for key in found.open]
    summary = f"{found.batches} batches, {len(found.findings)} gaps or overlaps, {len(found.open)} never materialised"
    return dg.AssetCheckResult(
        passed=found.complete,
        description=f"{summary}; {len(found.skipped)} skipped by an operator, {failed_events} events failed",
        metadata={
            "batches": found.batches,
            "failed_events": failed_events,
            "skipped": len(found.skipped),
            "findings": dg.MetadataValue.md(_listed(lines)),
            "skipped_batches": dg.MetadataValue.md(_listed(found.skipped)),
            "position_moves": dg.MetadataValue.md(_listed(found.moves)),
        },
    )


def _listed(lines: Sequence[str]) -> str:
    shown = [f"* {line}" for line in lines[:SHOWN]]
    if len(lines) > SHOWN:
        shown.append(f"* … and {len(lines) - SHOWN} more")
    return "\n".join(shown) or "none"


def completeness_schedule(
    jobs: Sequence[JobSpec[Any, Any]], more: Sequence[dg.AssetCheckKey] = ()
) -> tuple[Any, dg.ScheduleDefinition]:
    """The job that runs the check for every lane, and ``more`` checks with it; and its hourly schedule."""
    keys = [*(dg.AssetCheckKey(names.asset_key(job), names.COMPLETENESS) for job in jobs), *more]
    check_job = dg.define_asset_job(
        "completeness_job",
        selection=dg.AssetSelection.checks(*keys),
        description="Checks every lane for gaps and overlaps.",
    )
    schedule = dg.ScheduleDefinition(
        name="completeness_hourly",
        job=check_job,
        cron_schedule="43 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Looks every hour whether the micro-batches cover every offset exactly once.",
    )
    return check_job, schedule
