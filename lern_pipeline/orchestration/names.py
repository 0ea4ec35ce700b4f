"""How jobs, topics and stores are called in Dagster."""

from __future__ import annotations

from typing import Any

import dagster as dg

from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.settings import JobSettings

PARTITION_TAG = "dagster/partition"
# Seconds after which Dagster's run monitoring ends a run.
MAX_RUNTIME_TAG = "dagster/max_runtime"
LANE_TAG = "lern_pipeline/lane"
ATTEMPT_TAG = "lern_pipeline/attempt"
LAG_TAG = "lern_pipeline/lag"

EVENTS_ACCOUNTED_FOR = "events_accounted_for"
LANE_HEALTH = "lane_health"
LAG = "lag"
COMPLETENESS = "completeness"
TABLE_LAG = "topic_to_table_lag"


def asset_key(job: JobSpec[Any, Any]) -> dg.AssetKey:
    """The asset whose partitions are the job's micro-batches."""
    return dg.AssetKey(job.asset_name)


def partitions_name(job: JobSpec[Any, Any]) -> str:
    """Each job has partitions of its own: ranges follow insertion order."""
    return f"{job.asset_name}_batches"


def partitions_def(job: JobSpec[Any, Any]) -> dg.DynamicPartitionsDefinition:
    return dg.DynamicPartitionsDefinition(name=partitions_name(job))


def asset_job_name(job: JobSpec[Any, Any]) -> str:
    return f"{job.asset_name}_batch"


def sensor_name(job: JobSpec[Any, Any]) -> str:
    return f"{job.asset_name}_lane"


def topic_key(topic: str, settings: JobSettings) -> dg.AssetKey:
    """A topic's asset key: its name without the environment's prefix."""
    name = topic.removeprefix(f"{settings.env}.")
    return dg.AssetKey(["kafka", name.replace(".", "_").replace("-", "_")])
