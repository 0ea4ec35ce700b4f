"""Names and wiring of enrolment-reconciliation."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.jobs.course_progress.stores import USER_ACTIVITY_AGG, USER_ENROLMENTS
from lern_pipeline.jobs.enrolment_reconciliation.rules import decide
from lern_pipeline.jobs.enrolment_reconciliation.state import ReconciliationState, read_state
from lern_pipeline.jobs.enrolment_reconciliation.sync_event import enrolment_to_sync
from lern_pipeline.microbatch.job import JobSpec

ENROLMENT_RECONCILIATION: JobSpec[EnrolmentKey, ReconciliationState] = JobSpec(
    name="enrolment-reconciliation",
    description=(
        "A learner asks for one enrolment to be put right: aggregates and progress are recomputed from content "
        "consumption, and a completion that was missed asks for its certificate."
    ),
    group="course_progress",
    decode=decode_lenient,
    validate=enrolment_to_sync,
    read_state=read_state,
    decide=decide,
    stores=(USER_ACTIVITY_AGG, USER_ENROLMENTS),
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
