"""How the rebuild of activity aggregates is called in Dagster."""

from __future__ import annotations

import dagster as dg

from lern_pipeline.jobs.course_progress.stores import USER_ACTIVITY_AGG, USER_CONTENT_CONSUMPTION, USER_ENROLMENTS
from lern_pipeline.orchestration import names
from lern_pipeline.settings import JobSettings

ASSET = dg.AssetKey("activity_aggregates_rebuild")
JOB = "activity_aggregates_rebuild_job"
ALL_SCHEDULE = "activity_aggregates_rebuild_all"
FIND_JOB = "find_course_batches_job"
FIND_SCHEDULE = "find_course_batches_daily"

PARTITIONS = "course_batches"

READS = (("redis", "relation_cache"), USER_CONTENT_CONSUMPTION.name)
WRITES = (USER_ACTIVITY_AGG, USER_ENROLMENTS)
OUTPUT_TOPICS = ("kafka.audit.topic", "kafka.certissue.topic")

# One look for learners serves this many course batches; between two runs the lanes get their turn.
PARTITIONS_PER_RUN = 100


def partitions_def() -> dg.DynamicPartitionsDefinition:
    """A partition is a course batch."""
    return dg.DynamicPartitionsDefinition(name=PARTITIONS)


def written_keys(settings: JobSettings) -> list[dg.AssetKey]:
    """The assets that a rebuild writes."""
    topics = [names.topic_key(settings.text(setting), settings) for setting in OUTPUT_TOPICS]
    return [*(dg.AssetKey(list(store.name)) for store in WRITES), *topics]
