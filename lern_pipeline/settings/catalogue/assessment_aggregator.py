"""assessment-aggregator (its contract, section 12)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import ASSESSMENT_AGGREGATOR
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, flag, integer, not_needed, text

AREA: Area = area(
    ASSESSMENT_AGGREGATOR,
    "Contract: assessment-aggregator, section 12.",
    (
        text("kafka.input.topic", "{env}.telemetry.assess", "Input."),
        text(
            "kafka.output.failed.topic",
            "{env}.telemetry.assess.failed",
            "Failed events.",
            aliases=("kafka.failed.topic",),
        ),
        text("kafka.output.certissue.topic", "{env}.issue.certificate.request", "Certificate requests."),
        text("kafka.groupId", "{env}-assessment-aggregator-group", "Consumer group."),
        text("lms-cassandra.keyspace", "sunbird_courses", "Keyspace of the tables and the question type."),
        text("lms-cassandra.table", "assessment_aggregator", "Attempts."),
        text(
            "lms-cassandra.activityytable",
            "user_activity_agg",
            "Activity aggregates.",
            aliases=("lms-cassandra.activitytable",),
        ),
        text("lms-cassandra.questionudttype", "question", "User-defined type of one question."),
        integer(
            "redis.database.relationCache.id",
            10,
            "Redis database of the leaf nodes. They are read from server `redis-meta` and written to `redis`: both "
            "must be the same server, else every content is accepted for every course.",
        ),
        integer("redis.database.contentCache.id", 5, "Redis database of content metadata (server `redis-meta`)."),
        flag(
            "assessment.skip.missingRecords",
            False,
            "Compare the number of questions with the content's and refuse an attempt that has more.",
        ),
        text("user.activity.agg.type", "attempt_metrics", "`type` in the aggregate's details."),
        text(
            "content.read.api",
            "http://dev.sunbirded.org/api/content/v1/read/",
            "Address of the content read, the content id is appended.",
        ),
        not_needed("lms-cassandra.enrolmentstable", "user_enrolments", "the job does not touch enrolments"),
        not_needed("task.downstream.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.assessaggregator.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.scoreaggregator.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(ASSESSMENT_AGGREGATOR,),
)
