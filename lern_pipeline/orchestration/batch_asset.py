"""A job's asset: each micro-batch is a partition of it, each run of one carries the batch to its end."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.microbatch.collector import rare_collections
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import InvalidKey, MicroBatchKey
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.services import RecordsExpired
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lineage import written_events
from lern_pipeline.orchestration.worker_process import Worker, this_worker
from lern_pipeline.settings import JobSettings

PARENT_RUN_TAG = "dagster/parent_run_id"


def batch_asset(job: JobSpec[Any, Any], settings: JobSettings) -> dg.AssetsDefinition:
    """The asset of ``job``. Its settings give the names of the topics it is drawn between."""
    key = names.asset_key(job)

    @dg.asset(
        key=key,
        deps=[
            names.topic_key(job.input_topic(settings), settings),
            *(dg.AssetKey(list(store)) for store in job.reads_stores),
        ],
        partitions_def=names.partitions_def(job),
        check_specs=[
            dg.AssetCheckSpec(
                names.EVENTS_ACCOUNTED_FOR,
                asset=key,
                description="consumed = processed + skipped + failed, for every micro-batch.",
                blocking=False,
            )
        ],
        description=job.description,
        group_name=job.group,
        kinds=set(job.kinds),
        owners=[job.owner],
        pool=job.pool,
        metadata={
            "input topic": job.input_topic(settings),
            "consumer group": job.consumer_group(settings),
            "failed topic": job.failed_topic(settings),
        },
        op_tags={"lern_pipeline/job": job.name},
    )
    def _micro_batch(context: dg.AssetExecutionContext, installation: Installation) -> dg.MaterializeResult:
        return run_partition(job, context, installation)

    return _micro_batch


def run_partition(
    job: JobSpec[Any, Any], context: dg.AssetExecutionContext, installation: Installation
) -> dg.MaterializeResult[None]:
    """Carry the run's partition to its end.

    Raises:
        dagster.Failure: one clear line; the lane tries again after its back-off.
    """
    instance = context.instance
    worker = this_worker()
    run_id = context.run.run_id
    if Worker.of_run(run_id, context.run.tags) != worker:
        # Started by a launcher that does not note its worker.
        instance.add_run_tags(run_id, worker.tag(run_id))
    attempt = int(context.run.tags.get(names.ATTEMPT_TAG, 1))
    try:
        key = MicroBatchKey.parse(context.partition_key)
        run = MicroBatchRun(
            job,
            installation.settings(job),
            installation.services(job),
            installation.store(job, instance),
            report=context.log.info,
        )
        with rare_collections():
            result = run.execute(key, attempt, rerun=_is_rerun(job, context))
    except (LernPipelineError, RecordsExpired, InvalidKey) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    for warning in result.warnings:
        context.log.warning(warning)
    for event in written_events(job, installation.settings(job), result):
        context.log_event(event)
    return dg.MaterializeResult(
        metadata=batch_metadata(job, result, context.run.tags),
        check_results=[events_accounted_for(job, result)],
    )


def _is_rerun(job: JobSpec[Any, Any], context: dg.AssetExecutionContext) -> bool:
    """Whether an operator runs a finished batch again.

    A second run that two planners requested at the same moment is none: it has the lane's tag and no parent.
    """
    tags = context.run.tags
    if names.ATTEMPT_TAG in tags and PARENT_RUN_TAG not in tags:
        return False
    wanted = dg.AssetRecordsFilter(names.asset_key(job), asset_partitions=[context.partition_key])
    return bool(context.instance.fetch_materializations(wanted, limit=1).records)


def events_accounted_for(job: JobSpec[Any, Any], result: BatchResult) -> dg.AssetCheckResult:
    """The check that is returned with every materialisation."""
    account = result.account
    return dg.AssetCheckResult(
        check_name=names.EVENTS_ACCOUNTED_FOR,
        asset_key=names.asset_key(job),
        passed=account.balances,
        description=(
            f"{account.consumed} consumed = {account.processed} processed + {account.skipped_total} skipped "
            f"+ {account.failed_total} failed"
        ),
        metadata={
            "consumed": account.consumed,
            "processed": account.processed,
            "skipped": account.skipped_total,
            "failed": account.failed_total,
        },
    )


def batch_metadata(job: JobSpec[Any, Any], result: BatchResult, tags: Mapping[str, str]) -> dict[str, Any]:
    """What people plot and look up: events, rows, messages, seconds, reasons, offsets, the job's own metrics."""
    account, plan = result.account, result.plan
    seconds = result.total_seconds
    metadata: dict[str, Any] = {
        "events": account.consumed,
        "processed": account.processed,
        "skipped": account.skipped_total,
        "failed": account.failed_total,
        "rows_written": sum(plan.rows_by_table().values()),
        "keys_written": sum(plan.keys_by_store().values()),
        "messages": len(plan.messages),
        **({"documents_updated": result.counts["mongo.modified"]} if plan.documents else {}),
        "record_bytes": plan.record_bytes,
        "archived_bytes": result.archived_bytes,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(result.cpu_seconds, 3),
        "events_per_second": round(account.consumed / seconds, 1) if seconds else 0.0,
        "plan": plan.number,
        "reasons": _reasons(result),
        "seconds_by_step": dg.MetadataValue.json({step: round(took, 4) for step, took in result.seconds.items()}),
        "writes": dg.MetadataValue.json(
            {**plan.rows_by_table(), **plan.keys_by_store(), **plan.messages_by_topic()},
        ),
        "asked_of_stores": dg.MetadataValue.json({name: n for name, n in sorted(result.counts.items()) if n}),
        "offsets": dg.MetadataValue.md(_offsets(MicroBatchKey.parse(plan.key))),
        **dict(sorted(plan.metrics.items())),
        **{name: float(result.counts[what]) for name, what in sorted(job.io_metrics.items())},
    }
    if names.LAG_TAG in tags:
        metadata["lag"] = int(tags[names.LAG_TAG])
    if result.recomputed:
        metadata["rerun"] = True
    if result.warnings:
        metadata["warnings"] = dg.MetadataValue.md("\n".join(f"* {warning}" for warning in result.warnings))
    return metadata


# Made here, since Dagster keeps for ever what stands in the function that makes the first of its schemas: a batch.
_REASON_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("outcome", "string"),
        dg.TableColumn("reason", "string"),
        dg.TableColumn("events", "int"),
    ]
)


def _reasons(result: BatchResult) -> dg.TableMetadataValue:
    account = result.account
    rows = [("skipped", reason, count) for reason, count in sorted(account.skipped.items())]
    rows += [("failed", reason, count) for reason, count in sorted(account.failed.items())]
    return dg.MetadataValue.table(
        records=[dg.TableRecord({"outcome": outcome, "reason": reason, "events": n}) for outcome, reason, n in rows],
        schema=_REASON_COLUMNS,
    )


def _offsets(key: MicroBatchKey) -> str:
    lines = ["| partition | from | to |", "|---|---|---|"]
    lines += [f"| {range_.partition} | {range_.start} | {range_.end} |" for range_ in key.ranges]
    return "\n".join(lines)
