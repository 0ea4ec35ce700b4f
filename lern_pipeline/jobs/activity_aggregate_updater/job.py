"""Names and wiring of activity-aggregate-updater."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_strict
from lern_pipeline.jobs.activity_aggregate_updater.completion_event import CompletionEvent, completion_event
from lern_pipeline.jobs.activity_aggregate_updater.rules import decide
from lern_pipeline.jobs.activity_aggregate_updater.state import ProgressState, read_state
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
    output_topics={
        "kafka.audit.topic": "AUDIT telemetry of content starts and completions, and of completed enrolments.",
        "kafka.certissue.topic": "Requests to issue a certificate.",
    },
    # Jobs that read and write the same learner rows never run at the same time.
    pool="learner_rows",
    kinds=frozenset({"kafka", "cassandra", "redis"}),
    time_columns=frozenset({"datetime", "completedon", "agg_last_updated"}),
    event_metrics={
        "total-events-count": "consumed",
        "skipped-events-count": "skipped",
        "failed-events-count": "failed",
    },
    io_metrics={
        "db-read-count": "cassandra.selects",
        "db-update-count": "cassandra.batches",
        "cache-hit-count": "redis.set_reads",
        "cache-miss-count": "redis.set_misses",
    },
)
