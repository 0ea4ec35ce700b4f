"""activity-aggregate-updater (its contract, section 13)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, flag, integer, not_needed, number, text

AREA: Area = area(
    ACTIVITY_AGGREGATE_UPDATER,
    "Contract: activity-aggregate-updater, section 13.",
    (
        text("kafka.input.topic", "{env}.coursebatch.job.request", "Input."),
        text("kafka.output.failed.topic", "{env}.activity.agg.failed", "Failed records."),
        text("kafka.audit.topic", "{env}.telemetry.raw", "AUDIT events.", aliases=("kafka.output.audit.topic",)),
        text(
            "kafka.certissue.topic",
            "{env}.issue.certificate.request",
            "Certificate requests.",
            aliases=("kafka.output.certissue.topic",),
        ),
        text("kafka.groupId", "{env}-activity-aggregate-updater-group", "Consumer group."),
        text("lms-cassandra.keyspace", "sunbird_courses", "Keyspace of the three tables."),
        text(
            "lms-cassandra.content_consumption.table",
            "user_content_consumption",
            "Content consumption.",
            aliases=("lms-cassandra.consumption.table",),
        ),
        text("lms-cassandra.user_enrolments.table", "user_enrolments", "Enrolments."),
        text("lms-cassandra.user_activity_agg.table", "user_activity_agg", "Activity aggregates."),
        integer("redis.database.relationCache.id", 10, "Redis database of the relation cache."),
        integer("dedup-redis.database.index", 13, "Redis database of the checksums."),
        integer("dedup-redis.database.expiry", 604800, "Seconds that a checksum is kept.", minimum=1),
        number(
            "threshold.batch.read.interval",
            0,
            "Most seconds that a micro-batch stays open while fewer than `threshold.batch.read.size` records wait.",
        ),
        integer(
            "threshold.batch.read.size",
            1000,
            "So many waiting records close a micro-batch before the interval has passed; it takes all that waits.",
            minimum=1,
        ),
        integer("threshold.batch.write.size", 10, "Statements of one Cassandra batch.", minimum=1),
        flag("activity.module.aggs.enabled", True, "Aggregate units too, not only courses."),
        flag("activity.input.dedup.enabled", True, "Leave out content states that were handled before."),
        flag(
            "activity.filter.processed.enrolments",
            True,
            "Enrolment updates and certificate requests only for enrolments that are not completed.",
        ),
        integer("activity.collection.status.cache.expiry", 3600, "Seconds that a collection's status is remembered."),
        text(
            "service.search.basePath",
            None,
            "Search service, `/v3/search` is appended; asked when a relation cache is missing.",
        ),
        not_needed("task.dedup.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.activity.agg.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.enrolment.complete.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(ACTIVITY_AGGREGATE_UPDATER,),
)
