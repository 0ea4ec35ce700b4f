"""The asset ``activity_aggregates_rebuild``: a course batch is a partition of it, a run rebuilds one or several."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch
from lern_pipeline.jobs.activity_aggregates_rebuild.kept import STORE
from lern_pipeline.jobs.activity_aggregates_rebuild.rebuild import CHUNK_LEARNERS, Rebuild, Rebuilt, Request
from lern_pipeline.jobs.activity_aggregates_rebuild.tally import Change
from lern_pipeline.jobs.course_progress.wiring import LEARNER_ROWS
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.microbatch.collector import rare_collections
from lern_pipeline.orchestration import names, rebuild_names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.worker_process import Worker, this_worker
from lern_pipeline.settings import JobSettings


class RebuildConfig(dg.Config):
    """What can be said in the launchpad."""

    dry_run: bool = Field(default=False, description="Change nothing, send nothing; report what would change.")
    users: list[str] = Field(default=[], description="Only these learners of the course batch; empty: all of them.")
    start_over: bool = Field(
        default=False,
        description="Do not go on where a run that was killed left off, for example after the relation "
        "cache was mended.",
    )
    chunk_learners: int = Field(default=CHUNK_LEARNERS, ge=1, description="Learners recomputed and written at a time.")


def rebuild_asset() -> dg.AssetsDefinition:
    """The asset's definition. Settings and clients are those of enrolment-reconciliation, whose rules it uses."""
    with warnings.catch_warnings():
        # Dagster calls backfill policies beta. They are what lets one look for learners serve many partitions.
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.asset(
            key=rebuild_names.ASSET,
            deps=[dg.AssetKey(list(store)) for store in rebuild_names.READS],
            partitions_def=rebuild_names.partitions_def(),
            backfill_policy=dg.BackfillPolicy.multi_run(rebuild_names.PARTITIONS_PER_RUN),
            description=(
                "Aggregates and enrolments of a course batch, recomputed from content consumption for every learner. "
                "Only what differs is written; a completion that was missed asks for its certificate. Run it with "
                "dry_run to see what would change."
            ),
            group_name=ENROLMENT_RECONCILIATION.group,
            kinds={"cassandra", "kafka", "redis"},
            owners=[ENROLMENT_RECONCILIATION.owner],
            pool=LEARNER_ROWS,
        )
        def _rebuild(
            context: dg.AssetExecutionContext, config: RebuildConfig, installation: Installation
        ) -> dg.MaterializeResult:
            return rebuild_partitions(context, config, installation)

    return _rebuild


def rebuild_partitions(
    context: dg.AssetExecutionContext, config: RebuildConfig, installation: Installation
) -> dg.MaterializeResult[None]:
    """Rebuild the run's course batches.

    Raises:
        dagster.Failure: one clear line; another run goes on where this one stopped.
    """
    instance, run_id = context.instance, context.run.run_id
    worker = this_worker()
    if Worker.of_run(run_id, context.run.tags) != worker:
        instance.add_run_tags(run_id, worker.tag(run_id))
    settings = installation.settings(ENROLMENT_RECONCILIATION)
    request = Request(
        attempts_of=first_attempt(instance, context.run),
        users=tuple(config.users),
        dry_run=config.dry_run,
        start_over=config.start_over,
        chunk_learners=config.chunk_learners,
    )
    try:
        rebuild = Rebuild(
            settings,
            installation.services(ENROLMENT_RECONCILIATION),
            installation.store_named(STORE, settings, instance),
            report=context.log.info,
        )
        batches = [CourseBatch.parse(key) for key in context.partition_keys]
        with rare_collections():
            for batch, rebuilt in rebuild.execute(batches, request):
                for warning in rebuilt.tally.warnings:
                    context.log.warning(warning)
                context.add_asset_metadata(rebuild_metadata(rebuilt, request), partition_key=batch.key)
                if not request.dry_run:
                    for event in written_events(batch, rebuilt, settings):
                        context.log_event(event)
    except LernPipelineError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    return dg.MaterializeResult()


def first_attempt(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """The run that this one, by re-execution, is another attempt of: itself, unless that failed.

    Who executes again what has succeeded wants it done again.
    """
    parent = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    if parent is None or parent.status is dg.DagsterRunStatus.SUCCESS:
        return run.run_id
    return first_attempt(instance, parent)


def rebuild_metadata(rebuilt: Rebuilt, request: Request) -> dict[str, Any]:
    """What people look up of a course batch's rebuild; the same figures for a dry run, of what would be."""
    tally = rebuilt.tally
    metadata: dict[str, Any] = {
        "dry_run": request.dry_run,
        "learners": tally.learners,
        "learners_differed": tally.differed,
        "completed_newly": tally.completed,
        "rows_written": 0 if request.dry_run else sum(tally.rows.values()),
        "rows_changed": dg.MetadataValue.json(tally.rows),
        "messages": dg.MetadataValue.json(tally.messages),
        "left_out": _left_out(tally.left_out),
        "seconds": round(tally.seconds, 3),
        "began": dg.MetadataValue.timestamp(rebuilt.began_ms / 1000),
    }
    if request.dry_run:
        metadata["changes"] = _changes(rebuilt.changes)
    if rebuilt.went_on:
        metadata["went_on"] = True
    if tally.warnings:
        metadata["warnings"] = dg.MetadataValue.md("\n".join(f"* {warning}" for warning in tally.warnings))
    return metadata


def _left_out(left_out: dict[str, int]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        records=[dg.TableRecord({"reason": reason, "learners": count}) for reason, count in sorted(left_out.items())],
        schema=dg.TableSchema([dg.TableColumn("reason", "string"), dg.TableColumn("learners", "int")]),
    )


def _changes(changes: Sequence[Change]) -> dg.TableMetadataValue:
    records = [dg.TableRecord({name: _shown(value) for name, value in change._asdict().items()}) for change in changes]
    return dg.MetadataValue.table(
        records=records, schema=dg.TableSchema([dg.TableColumn(name, "string") for name in Change._fields])
    )


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        text = ", ".join(f"{name}: {member}" for name, member in sorted(value.items()))
        return text if len(text) <= 200 else f"{text[:200]}…"
    return str(value)


def written_events(batch: CourseBatch, rebuilt: Rebuilt, settings: JobSettings) -> Iterator[dg.AssetMaterialization]:
    """One materialisation per table and topic that was written."""
    for store in rebuild_names.WRITES:
        assert store.table is not None
        if count := rebuilt.tally.rows.get(settings.text(store.table[1]), 0):
            yield dg.AssetMaterialization(
                dg.AssetKey(list(store.name)), metadata={"rows": count, "course_batch": batch.key}
            )
    for topic, count in rebuilt.tally.messages.items():
        yield dg.AssetMaterialization(
            names.topic_key(topic, settings), metadata={"messages": count, "course_batch": batch.key}
        )
