"""Names and wiring of enrolment-reconciliation."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.course_progress import wiring
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
    output_topics=wiring.OUTPUT_TOPICS,
    pool=wiring.LEARNER_ROWS,
    kinds=frozenset({"kafka", "cassandra", "redis"}),
    time_columns=wiring.TIME_COLUMNS,
    event_metrics=wiring.EVENT_METRICS,
    io_metrics=wiring.IO_METRICS,
)
