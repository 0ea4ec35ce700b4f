"""What was perhaps sent and perhaps not, and what could not be done and is still owed: shown to the operator, who sends
or drops each one (design 5)."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from lern_pipeline.microbatch.effects import Unfinished
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lineage import OPERATIONS

UNFINISHED_EFFECTS = dg.AssetKey("unfinished_effects")
NOTHING_UNFINISHED = "nothing_unfinished"
SETTLED_TAG = "lern_pipeline/batches_to_run_again"
SHOWN = 500

COLUMNS = [
    dg.TableColumn("job", "string"),
    dg.TableColumn("what", "string"),
    dg.TableColumn("to_whom", "string", description="Masked."),
    dg.TableColumn("since", "string"),
    dg.TableColumn("batch", "string"),
    dg.TableColumn("key", "string", description="For the job settle_unfinished_effects."),
]


def jobs_with_effects(jobs: Iterable[JobSpec[Any, Any]]) -> tuple[JobSpec[Any, Any], ...]:
    """Those that send or issue something."""
    return tuple(job for job in jobs if job.performers is not None and not job.repeatable_effects)


def unfinished_effects_asset(jobs: Sequence[JobSpec[Any, Any]]) -> dg.AssetsDefinition:
    """The list as an asset, and its check."""

    @dg.asset(
        key=UNFINISHED_EFFECTS,
        deps=[names.asset_key(job) for job in jobs],
        group_name=OPERATIONS,
        kinds={"cassandra"},
        owners=["team:lern"],
        description=(
            "Mails, messages and certificates of which nobody knows whether they went out: a crash came between the "
            "call and its answer; and accounts of deleted users that could not be removed. None is repeated by itself; "
            "the job settle_unfinished_effects sends or drops them."
        ),
        check_specs=[
            dg.AssetCheckSpec(
                NOTHING_UNFINISHED, asset=UNFINISHED_EFFECTS, description="Nothing waits for an operator's decision."
            )
        ],
    )
    def _unfinished(installation: Installation) -> dg.MaterializeResult:
        lines = [line for job in jobs for line in installation.services(job).ledger.unfinished(job.name)]
        return dg.MaterializeResult(
            metadata={"unfinished": len(lines), "effects": _table(lines)},
            check_results=[
                dg.AssetCheckResult(
                    check_name=NOTHING_UNFINISHED,
                    asset_key=UNFINISHED_EFFECTS,
                    passed=not lines,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=f"{len(lines)} wait for an operator's decision",
                )
            ],
        )

    return _unfinished


def _table(lines: Sequence[Unfinished]) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord(
            {
                "job": line.job,
                "what": line.what,
                "to_whom": line.to_whom,
                "since": datetime.fromtimestamp(line.since_ms / 1000, UTC).isoformat(timespec="seconds"),
                "batch": line.batch,
                "key": line.key,
            }
        )
        for line in lines[:SHOWN]
    ]
    return dg.MetadataValue.table(records, dg.TableSchema(COLUMNS))


class Settlement(dg.Config):
    """What the operator decides."""

    job: str = Field(description="The job that wanted to send.")
    send: bool = Field(description="True: send it now. False: never.")
    keys: list[str] = Field(default=[], description="Which ones; empty: all that the job has unfinished.")


def settle(
    jobs: Sequence[JobSpec[Any, Any]], installation: Installation, settlement: Settlement
) -> tuple[int, list[str]]:
    """Carry out the decision.

    Returns:
        How many effects it was made for, and the batches to run again so that they are sent.

    Raises:
        dagster.Failure: no such job, or none of its unfinished effects has such a key.
    """
    job = next((job for job in jobs if job.name == settlement.job), None)
    if job is None:
        raise dg.Failure(f"no job {settlement.job} sends anything; one of {', '.join(job.name for job in jobs)}")
    ledger = installation.services(job).ledger
    lines = {line.key: line for line in ledger.unfinished(job.name)}
    unknown = set(settlement.keys) - lines.keys()
    if unknown:
        raise dg.Failure(f"{job.name} has nothing unfinished under {', '.join(sorted(unknown))}")
    chosen = [lines[key] for key in settlement.keys or lines]
    settled = [line for line in chosen if ledger.settle(job.name, line.key, settlement.send)]
    return len(settled), sorted({line.batch for line in settled}) if settlement.send else []


def settling_job(jobs: Sequence[JobSpec[Any, Any]]) -> dg.JobDefinition:
    """Launched from the UI, with the decision as run configuration."""

    @dg.op(name="settle_unfinished_effects", description="Send or drop what nobody knows the outcome of.")
    def _settle(context: dg.OpExecutionContext, installation: Installation, config: Settlement) -> None:
        count, batches = settle(jobs, installation, config)
        context.log.info(f"{config.job}: {count} {'released to be sent' if config.send else 'dropped'}")
        if batches:
            again = {"job": config.job, "batches": batches}
            context.instance.add_run_tags(context.run.run_id, {SETTLED_TAG: json.dumps(again)})

    @dg.job(
        name="settle_unfinished_effects_job",
        description="Sends or drops unfinished effects: {job: <name>, send: true or false, keys: [...] or all}.",
    )
    def _job() -> None:
        _settle()

    return _job


def settled_sensor(
    jobs: Sequence[JobSpec[Any, Any]], settling: dg.JobDefinition, batch_jobs: Sequence[Any]
) -> dg.SensorDefinition:
    """Runs the batches of released effects again: a batch knows what it wanted to send, the ledger does not.

    ``batch_jobs``: the Dagster jobs of ``jobs``.
    """

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="settled_effects",
        monitored_jobs=[settling],
        request_jobs=list(batch_jobs),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs the batches of released effects again.",
    )
    def _settled(context: dg.RunStatusSensorContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        yield from runs_again(jobs, context.dagster_run)

    return _settled


def runs_again(
    jobs: Sequence[JobSpec[Any, Any]], settling_run: dg.DagsterRun
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One rerun for each batch that the settling run noted."""
    noted = settling_run.tags.get(SETTLED_TAG)
    if noted is None:
        yield dg.SkipReason("nothing is to be sent")
        return
    again = json.loads(noted)
    job = next(job for job in jobs if job.name == again["job"])
    for batch in again["batches"]:
        yield dg.RunRequest(
            run_key=f"{settling_run.run_id}:{batch}", job_name=names.asset_job_name(job), partition_key=batch
        )
