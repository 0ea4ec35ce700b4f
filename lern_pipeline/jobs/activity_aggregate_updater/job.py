"""Names and wiring of activity-aggregate-updater."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_strict
from lern_pipeline.jobs.activity_aggregate_updater.completion_event import CompletionEvent, completion_event
from lern_pipeline.jobs.activity_aggregate_updater.rules import decide
from lern_pipeline.jobs.activity_aggregate_updater.state import ProgressState, read_state
from lern_pipeline.jobs.course_progress import wiring
from lern_pipeline.jobs.course_progress.stores import USER_ACTIVITY_AGG, USER_CONTENT_CONSUMPTION, USER_ENROLMENTS
from lern_pipeline.microbatch.job import JobSpec, Store

ACTIVITY_AGGREGATE_UPDATER: JobSpec[CompletionEvent, ProgressState] = JobSpec(
    name="activity-aggregate-updater",
    description=(
        "Completed contents become view and completion counters, course and unit aggregates and enrolment progress. "
        "The first completion of a course asks for its certificate."
    ),
    group="course_progress",
    decode=decode_strict,
    validate=completion_event,
    read_state=read_state,
    decide=decide,
    stores=(
        USER_CONTENT_CONSUMPTION,
        USER_ACTIVITY_AGG,
        USER_ENROLMENTS,
        Store(
            ("redis", "completion_checksums"),
            "Completions of the last days, so that a repeated event does not count again.",
            "redis",
            cache=("dedup-redis", "dedup-redis.database.index"),
        ),
    ),
    reads_stores=(("redis", "relation_cache"),),
    output_topics=wiring.OUTPUT_TOPICS,
    pool=wiring.LEARNER_ROWS,
    kinds=frozenset({"kafka", "cassandra", "redis"}),
    time_columns=wiring.TIME_COLUMNS,
    event_metrics=wiring.EVENT_METRICS,
    io_metrics=wiring.IO_METRICS,
)
