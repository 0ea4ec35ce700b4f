"""Is the lane going, and how far is it behind: the checks an operator sees on a job's asset."""

from dataclasses import dataclass
from typing import Any

import dagster as dg

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.planner import BatchStatus, Stop
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lane import Lane, LaneLook
from lern_pipeline.settings import JobSettings


@dataclass(frozen=True, slots=True)
class Health:
    """A check's outcome before it is a Dagster object."""

    passed: bool
    severity: dg.AssetCheckSeverity
    description: str


def lane_health(look: LaneLook | LernPipelineError, settings: JobSettings) -> Health:
    """Red when the newest batch failed, the lane needs an operator, or Kafka cannot be asked.

    A failure is a warning while the configured number of attempts is not used up: the lane goes on by itself.
    """
    if isinstance(look, LernPipelineError):
        return Health(False, dg.AssetCheckSeverity.WARN, str(look))
    if isinstance(look.step, Stop):
        return Health(False, dg.AssetCheckSeverity.ERROR, look.step.reason)
    newest = look.newest
    if newest is not None and newest.status is BatchStatus.FAILED:
        used_up = newest.attempts >= settings.integer("task.restart-strategy.attempts")
        severity = dg.AssetCheckSeverity.ERROR if used_up else dg.AssetCheckSeverity.WARN
        return Health(False, severity, f"{newest.key} has failed {newest.attempts} times; it is tried again")
    return Health(True, dg.AssetCheckSeverity.WARN, "the newest batch is done or under way")


def lag_within_limit(lag: int, settings: JobSettings) -> Health:
    """More waiting than one batch can take: the lane does not keep up."""
    limit = settings.integer("microbatch.max.records")
    text = f"{lag} records wait behind the newest batch; one batch takes at most {limit}"
    return Health(lag <= limit, dg.AssetCheckSeverity.WARN, text)


def evaluation(job: JobSpec[Any, Any], name: str, health: Health) -> dg.AssetCheckEvaluation:
    """The outcome as the event that a sensor reports."""
    return dg.AssetCheckEvaluation(
        asset_key=names.asset_key(job),
        check_name=name,
        passed=health.passed,
        severity=health.severity,
        description=health.description,
        metadata={},
    )


def lane_check_definitions(job: JobSpec[Any, Any]) -> list[dg.AssetChecksDefinition]:
    """The same checks to be run on demand."""

    def look(context: dg.AssetCheckExecutionContext, installation: Installation) -> LaneLook | LernPipelineError:
        lane = Lane(job, installation.settings(job), context.instance, installation.positions(job))
        try:
            return lane.inspect()
        except LernPipelineError as error:
            return error

    @dg.asset_check(
        name=names.LANE_HEALTH,
        asset=names.asset_key(job),
        description="The newest micro-batch is done or under way, and the topic continues where the lane stands.",
    )
    def _lane_health(context: dg.AssetCheckExecutionContext, installation: Installation) -> dg.AssetCheckResult:
        return _result(lane_health(look(context, installation), installation.settings(job)))

    @dg.asset_check(
        name=names.LAG,
        asset=names.asset_key(job),
        description="No more waits in the topic than one micro-batch can take.",
    )
    def _lag(context: dg.AssetCheckExecutionContext, installation: Installation) -> dg.AssetCheckResult:
        found = look(context, installation)
        if isinstance(found, LernPipelineError):
            return _result(Health(False, dg.AssetCheckSeverity.WARN, str(found)))
        return _result(lag_within_limit(found.lag, installation.settings(job)))

    return [_lane_health, _lag]


def _result(health: Health) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=health.passed, severity=health.severity, description=health.description)
