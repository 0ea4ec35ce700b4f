"""merge-user-courses (its contract, section 8)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import MERGE_USER_COURSES
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, integer, not_needed, text

AREA: Area = area(
    MERGE_USER_COURSES,
    "Contract: merge-user-courses, section 8.",
    (
        text("kafka.input.topic", "{env}.lms.user.account.merge", "Input."),
        text("kafka.output.failed.topic", "{env}.learning.events.failed", "Failed events."),
        text(
            "kafka.output.course.batch.updater.topic",
            "{env}.coursebatch.job.request",
            "`batch-enrolment-sync` events.",
        ),
        text(
            "kafka.output.enrolment.sync.topic",
            "",
            "Where `user-enrolment-sync` events go as well, so that enrolment-reconciliation recomputes; empty: "
            "nowhere. Suggested: `{env}.batch.enrolment.sync.request`.",
        ),
        # The documented default is empty; a group without a name cannot commit offsets.
        text("kafka.groupId", "{env}-merge-courses-group", "Consumer group.", blank_is_default=True),
        text("lms-cassandra.keyspace", "sunbird_courses", "Keyspace of the three tables."),
        text("lms-cassandra.content_consumption.table", "user_content_consumption", "Content consumption."),
        text("lms-cassandra.user_enrolments.table", "user_enrolments", "Enrolments."),
        text("lms-cassandra.user_activity_agg.table", "user_activity_agg", "Activity aggregates."),
        text("merge.ledger.table", "merged_accounts", "Accounts merged, in `ledger.keyspace`."),
        # Every account of a micro-batch is in memory with all its rows.
        integer("microbatch.max.records", 1000, "Most records of one micro-batch.", minimum=1),
        text("course.date.format", "yyyy-MM-dd HH:mm:ss:SSSZ", "Java pattern of the dates that are kept as text."),
        not_needed("task.course_batch_updater.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(MERGE_USER_COURSES,),
)
