"""Names and wiring of assessment-aggregator."""

from __future__ import annotations

from dataclasses import replace

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.assessment_aggregator.assessment_event import AssessmentEvent, assessment_event
from lern_pipeline.jobs.assessment_aggregator.failed_events import failed_event
from lern_pipeline.jobs.assessment_aggregator.rules import TOO_MANY_QUESTIONS, decide
from lern_pipeline.jobs.assessment_aggregator.state import AssessmentState, read_state
from lern_pipeline.jobs.course_progress.stores import USER_ACTIVITY_AGG
from lern_pipeline.jobs.course_progress.wiring import LEARNER_ROWS
from lern_pipeline.microbatch.job import JobSpec, Store
from lern_pipeline.microbatch.plan import Account


def _ignored(account: Account) -> int:
    """Kind B only."""
    return account.failed.get(TOO_MANY_QUESTIONS, 0)


def _failed(account: Account) -> int:
    """Kinds A, C and D."""
    return account.failed_total - _ignored(account)


ASSESSMENT_AGGREGATOR: JobSpec[AssessmentEvent, AssessmentState] = JobSpec(
    name="assessment-aggregator",
    description=(
        "The answers of an assessment become an attempt with its score, the attempts of a learner their best scores, "
        "and the certificate is asked for."
    ),
    group="course_progress",
    decode=decode_lenient,
    validate=assessment_event,
    read_state=read_state,
    decide=decide,
    stores=(
        Store(
            ("cassandra", "assessment_aggregator"),
            "A learner's attempts at assessments: answers, score, times.",
            "cassandra",
            table=("lms-cassandra.keyspace", "lms-cassandra.table"),
        ),
        # Configured under another name than for the other jobs.
        replace(USER_ACTIVITY_AGG, table=("lms-cassandra.keyspace", "lms-cassandra.activityytable")),
    ),
    reads_stores=(("redis", "relation_cache"),),
    output_topics={"kafka.output.certissue.topic": "Requests to issue a certificate."},
    # Jobs that read and write the same learner rows never run at the same time.
    pool=LEARNER_ROWS,
    kinds=frozenset({"kafka", "cassandra", "redis"}),
    failed_shape=failed_event,
    time_columns=frozenset({"created_on", "updated_on", "agg_last_updated"}),
    event_metrics={
        "skipped-event-count": "skipped",
        "failed-event-count": _failed,
        "ignored-event-count": _ignored,
    },
)
