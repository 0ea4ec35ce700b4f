"""Sends failed events through again, as an operator selects them: the job ``redrive_failed_events_job`` (design 6)."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.redrive_run import Redrive, Redriven
from lern_pipeline.microbatch.redriving import Selection
from lern_pipeline.orchestration.failed_events import FAILED_EVENTS, event_table, names_of
from lern_pipeline.orchestration.failed_logs import failed_log
from lern_pipeline.orchestration.installation import Installation

NAME = "redrive_failed_events"


class RedriveConfig(dg.Config):
    """What can be said in the launchpad."""

    job: str = Field(description="The job whose failed events are sent again.")
    errors: list[str] = Field(
        default=[], description="Only those of these error classes, as failed_events shows them; empty: all."
    )
    reasons: list[str] = Field(
        default=[],
        description="Only those that failed for one of these reasons, as failed_events shows them; empty: all.",
    )
    failed_from: str = Field(
        default="", description="Only those that failed at this time or later, ISO 8601, UTC where it names no zone."
    )
    failed_until: str = Field(default="", description="Only those that failed before this time.")
    at_most: int = Field(default=100, ge=1, le=10_000, description="So many events, those that failed first.")
    dry_run: bool = Field(default=True, description="Send nothing; show what would be sent.")
    again: bool = Field(default=False, description="Also send what was sent again before.")


def redrive(jobs: Sequence[JobSpec[Any, Any]], installation: Installation, config: RedriveConfig) -> Redriven:
    """Carry out what the operator asks for.

    Raises:
        dagster.Failure: no such job, or a time that is none.
        ServiceUnavailable: Kafka or Cassandra does not answer; run it again.
        ConfigurationError: a topic or the own table is missing and may not be made.
    """
    job = next((job for job in jobs if job.name == config.job), None)
    if job is None:
        raise dg.Failure(f"there is no job {config.job}; one of {', '.join(job.name for job in jobs)}")
    selection = Selection(
        job.job_name_in_records,
        frozenset(config.errors),
        frozenset(config.reasons),
        _milliseconds(config.failed_from, "failed_from"),
        _milliseconds(config.failed_until, "failed_until"),
    )
    settings, services = installation.settings(job), installation.services(job)
    run = Redrive(
        settings, services.broker, services.rows, failed_log(job, installation), job.input_topic(settings), time.time
    )
    return run.run(selection, config.at_most, config.again, config.dry_run)


def _milliseconds(text: str, name: str) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise dg.Failure(f"{name}: {text!r} is no time as in 2026-11-24T06:30:00Z", allow_retries=False) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def outcome_text(result: Redriven) -> str:
    """What came of it, in one line."""
    parts = [f"{len(result.events)} {'would be sent' if result.dry_run else 'sent'} again"]
    if result.choice.redriven:
        parts.append(f"{result.choice.redriven} were before")
    if result.choice.waiting:
        parts.append(f"{result.choice.waiting} beyond at_most")
    if result.hindered:
        parts.append(f"{result.hindered.total()} cannot be")
    if result.gone:
        parts.append(f"{result.gone} have gone from the topic")
    return ", ".join(parts)


def redrive_metadata(jobs: Sequence[JobSpec[Any, Any]], config: RedriveConfig, result: Redriven) -> dict[str, Any]:
    """As the observation on ``failed_events`` shows it."""
    hindered = [f"* {count}: {why}" for why, count in result.hindered.most_common()]
    return {
        "job": config.job,
        "dry_run": result.dry_run,
        "sent" if not result.dry_run else "would_be_sent": len(result.events),
        "redriven_before": result.choice.redriven,
        "beyond_at_most": result.choice.waiting,
        "gone_from_topic": result.gone,
        "not_redrivable": dg.MetadataValue.md("\n".join(hindered) or "none"),
        "events": event_table([one.trace for one in result.events], names_of(jobs)),
    }


def redriving_job(jobs: Sequence[JobSpec[Any, Any]]) -> dg.JobDefinition:
    """Launched from the UI, with the selection as run configuration."""

    # One at a time: two that choose at the same moment would both send.
    @dg.op(name=NAME, pool=NAME, description="Send failed events to their job's input topic again.")
    def _redrive(context: dg.OpExecutionContext, installation: Installation, config: RedriveConfig) -> None:
        try:
            result = redrive(jobs, installation, config)
        except LernPipelineError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        context.log.info(f"{config.job}: {outcome_text(result)}")
        context.log_event(
            dg.AssetObservation(
                FAILED_EVENTS,
                description=f"{config.job}: {outcome_text(result)}",
                metadata=redrive_metadata(jobs, config, result),
            )
        )

    @dg.job(
        name=f"{NAME}_job",
        description=(
            "Sends failed events through again: {job: <name>, errors, reasons, failed_from, failed_until, at_most, "
            "dry_run, again}. By itself it only shows what it would send; none is sent twice."
        ),
    )
    def _job() -> None:
        _redrive()

    return _job
