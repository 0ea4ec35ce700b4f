"""Tables that several course-progress jobs write, as they are drawn in the lineage."""

from __future__ import annotations

from lern_pipeline.microbatch.job import Store

USER_CONTENT_CONSUMPTION = Store(
    ("cassandra", "user_content_consumption"),
    "A learner's state per content of a batch; this pipeline keeps viewcount and completedcount.",
    "cassandra",
    table=("lms-cassandra.keyspace", "lms-cassandra.content_consumption.table"),
)
USER_ACTIVITY_AGG = Store(
    ("cassandra", "user_activity_agg"),
    "Per learner and batch: how many contents of a course or unit are done, and scores of assessments.",
    "cassandra",
    table=("lms-cassandra.keyspace", "lms-cassandra.user_activity_agg.table"),
)
USER_ENROLMENTS = Store(
    ("cassandra", "user_enrolments"),
    "A learner's enrolment in a batch: progress, status, content statuses, completion time.",
    "cassandra",
    table=("lms-cassandra.keyspace", "lms-cassandra.user_enrolments.table"),
)
