"""enrolment-reconciliation (its contract, section 11)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import ENROLMENT_RECONCILIATION
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, flag, integer, not_needed, text

AREA: Area = area(
    ENROLMENT_RECONCILIATION,
    "Contract: enrolment-reconciliation, section 11.",
    (
        text("kafka.input.topic", "{env}.batch.enrolment.sync.request", "Input."),
        text("kafka.output.failed.topic", "{env}.enrolment.reconciliation.failed", "Failed records."),
        text("kafka.audit.topic", "{env}.telemetry.raw", "AUDIT events.", aliases=("kafka.output.audit.topic",)),
        text(
            "kafka.certissue.topic",
            "{env}.issue.certificate.request",
            "Certificate requests.",
            aliases=("kafka.output.certissue.topic",),
        ),
        text("kafka.groupId", "{env}-enrolment-reconciliation-group", "Consumer group."),
        text("lms-cassandra.keyspace", "sunbird_courses", "Keyspace of the three tables."),
        text(
            "lms-cassandra.content_consumption.table",
            "user_content_consumption",
            "Content consumption (read).",
            aliases=("lms-cassandra.consumption.table",),
        ),
        text("lms-cassandra.user_enrolments.table", "user_enrolments", "Enrolments."),
        text("lms-cassandra.user_activity_agg.table", "user_activity_agg", "Activity aggregates."),
        text("lms-cassandra.course_batch.table", "course_batch", "Course batches, for `activity_aggregates_rebuild`."),
        integer("redis.database.relationCache.id", 10, "Redis database of the relation cache."),
        integer("threshold.batch.write.size", 10, "Statements of one Cassandra batch.", minimum=1),
        flag("activity.module.aggs.enabled", True, "Aggregate units too, not only courses."),
        flag(
            "activity.filter.processed.enrolments",
            True,
            "Enrolment updates and events only for enrolments that are not completed.",
        ),
        integer("activity.collection.status.cache.expiry", 3600, "Seconds that a collection's status is remembered."),
        text(
            "service.search.basePath",
            None,
            "Search service, `/v3/search` is appended; asked when a relation cache is missing.",
        ),
        not_needed("task.enrolment.reconciliation.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.enrolment.complete.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(ENROLMENT_RECONCILIATION,),
)
