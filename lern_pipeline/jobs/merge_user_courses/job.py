"""Names and wiring of merge-user-courses."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.course_progress.stores import USER_ACTIVITY_AGG, USER_CONTENT_CONSUMPTION, USER_ENROLMENTS
from lern_pipeline.jobs.course_progress.wiring import LEARNER_ROWS
from lern_pipeline.jobs.merge_user_courses.ledger import MERGED_ACCOUNTS
from lern_pipeline.jobs.merge_user_courses.merge_event import Merge, account_merge
from lern_pipeline.jobs.merge_user_courses.rules import decide
from lern_pipeline.jobs.merge_user_courses.state import MergeState, read_state
from lern_pipeline.microbatch.job import JobSpec

MERGE_USER_COURSES: JobSpec[Merge, MergeState] = JobSpec(
    name="merge-user-courses",
    description=(
        "One account was merged into another: its content consumption, activity aggregates and enrolments are merged "
        "into those of the account that stays. Its own rows stay as they are."
    ),
    group="course_progress",
    decode=decode_lenient,
    validate=account_merge,
    read_state=read_state,
    decide=decide,
    stores=(USER_CONTENT_CONSUMPTION, USER_ACTIVITY_AGG, USER_ENROLMENTS, MERGED_ACCOUNTS),
    output_topics={
        "kafka.output.course.batch.updater.topic": (
            "A learner's completed contents, and the enrolments of accounts after a merge."
        ),
        "kafka.output.enrolment.sync.topic": "Enrolments to be recomputed.",
    },
    # Jobs that read and write the same learner rows never run at the same time.
    pool=LEARNER_ROWS,
    kinds=frozenset({"kafka", "cassandra"}),
    failed_record_name="MergeUserCourses",
    time_columns=frozenset({"agg_last_updated", "merged_at"}),
    event_metrics={
        "total-events-count": "consumed",
        "success-events-count": "processed",
        "failed-events-count": "failed",
        "skipped-event-count": "skipped",
    },
)
