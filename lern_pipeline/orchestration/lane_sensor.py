"""One sensor per job: it only plans. The decision is the planner's; what is here looks, reports and requests."""

import math
import time
from typing import Any

import dagster as dg
import msgspec

from lern_pipeline.errors import LernPipelineError, ServiceUnavailable
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.planner import BatchStatus, Stop, Wait, lag_behind
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lane import Lane, LaneLook
from lern_pipeline.orchestration.lane_checks import Health, evaluation, lag_within_limit, lane_health
from lern_pipeline.orchestration.lookout import Lookout
from lern_pipeline.orchestration.tick_instance import instance_of
from lern_pipeline.settings import JobSettings

# Without a change, the topic and the lane's checks are reported this often: ticks are many, events are kept.
REPORT_EVERY_SECONDS = 300.0


class Memory(msgspec.Struct):
    """What one tick tells the next (the sensor's cursor). Losing it loses nothing but a pause."""

    waiting_since: float | None = None
    reported_at: float = 0.0
    health: str = ""
    end: int = -1
    lag: int = -1
    done: str = ""


_memory = msgspec.json.Decoder(Memory)


def lane_sensor(
    job: JobSpec[Any, Any], settings: JobSettings, target: Any, installation: Installation
) -> dg.SensorDefinition:
    """The sensor of ``job``, on by default: an installation is served as soon as a daemon runs.

    ``installation`` is no resource of the sensor: for resources Dagster opens its instance anew in each tick.
    """

    @dg.sensor(
        name=names.sensor_name(job),
        target=target,
        minimum_interval_seconds=settings.integer("microbatch.sensor.interval.seconds"),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Cuts {job.input_topic(settings)} into micro-batches for {job.name}, one at a time.",
    )
    def _lane(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return tick(job, context, installation)

    return _lane


def tick(job: JobSpec[Any, Any], context: dg.SensorEvaluationContext, installation: Installation) -> dg.SensorResult:
    """One tick: looks until there is something to do or say.

    An outage of Kafka is no error of the tick: it is said, and the next tick looks again.
    """
    settings = installation.settings(job)
    memory = _remembered(context.cursor)
    lane = Lane(job, settings, instance_of(context), installation.positions(job))
    lookout = Lookout(settings.number("microbatch.sensor.watch.seconds"))
    try:
        look: LaneLook | LernPipelineError = lookout.advance(lane, memory.waiting_since)
    except ServiceUnavailable as error:
        look = error
    now = time.time()
    events = _reports(job, settings, look, memory, now)
    if isinstance(look, LernPipelineError):
        return _result(str(look), events, memory)
    memory.waiting_since = (memory.waiting_since or now) if look.lag else None
    if look.run is None:
        reason = look.step.reason if isinstance(look.step, Wait | Stop) else "planned"
        return _result(reason, events, memory)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=look.run.run_key(job),
                partition_key=str(look.run.key),
                tags=look.run.tags(job) | {names.MAX_RUNTIME_TAG: _longest_run(settings)},
            )
        ],
        asset_events=events,
        cursor=msgspec.json.encode(memory).decode(),
    )


def _longest_run(settings: JobSettings) -> str:
    """Whole seconds; the setting is in milliseconds (platform contract 11)."""
    return str(max(math.ceil(settings.integer("task.checkpointing.timeout") / 1000), 1))


def _result(reason: str, events: list[Any], memory: Memory) -> dg.SensorResult:
    return dg.SensorResult(
        skip_reason=dg.SkipReason(reason), asset_events=events, cursor=msgspec.json.encode(memory).decode()
    )


def _remembered(cursor: str | None) -> Memory:
    try:
        return _memory.decode(cursor or "{}")
    except msgspec.DecodeError:
        return Memory()


def _reports(
    job: JobSpec[Any, Any],
    settings: JobSettings,
    look: LaneLook | LernPipelineError,
    memory: Memory,
    now: float,
) -> list[Any]:
    """Events for the UI when something changed, and now and then when nothing did."""
    health = lane_health(look, settings)
    described = f"{health.passed} {health.description}"
    due = now - memory.reported_at >= REPORT_EVERY_SECONDS
    if isinstance(look, LernPipelineError):
        if described == memory.health and not due:
            return []
        memory.health, memory.reported_at = described, now
        return [evaluation(job, names.LANE_HEALTH, health)]
    end = sum(look.offsets.ends.values())
    newest = look.newest
    lag = lag_behind(newest.key.ends, look.offsets.ends) if newest else 0
    # Also once after every batch: Dagster shows a check's outcome only where it is younger than the materialisation.
    done = str(newest.key) if newest and newest.status is BatchStatus.MATERIALISED else memory.done
    if (described, end, lag, done) == (memory.health, memory.end, memory.lag, memory.done) and not due:
        return []
    memory.health, memory.end, memory.lag, memory.done, memory.reported_at = described, end, lag, done, now
    return [
        _topic_observation(job, settings, look, end, lag),
        evaluation(job, names.LANE_HEALTH, health),
        evaluation(job, names.LAG, _lag_health(look, settings)),
    ]


def _lag_health(look: LaneLook, settings: JobSettings) -> Health:
    return lag_within_limit(look.lag, settings)


def _topic_observation(
    job: JobSpec[Any, Any], settings: JobSettings, look: LaneLook, end: int, lag: int
) -> dg.AssetObservation:
    return dg.AssetObservation(
        names.topic_key(job.input_topic(settings), settings),
        metadata={
            "end_offset": end,
            f"lag_{job.asset_name}": lag,
            "partitions": {f"partition {p}": offset for p, offset in sorted(look.offsets.ends.items())} or {"none": 0},
        },
    )
