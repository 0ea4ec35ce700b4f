"""collection-cert-pre-processor (its contract, section 12)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.certificate_storage import CLOUD_STORAGE
from lern_pipeline.settings.catalogue.jobs import COLLECTION_CERT_PRE_PROCESSOR
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, flag, integer, not_needed, text, texts

AREA: Area = area(
    COLLECTION_CERT_PRE_PROCESSOR,
    "Contract: collection-cert-pre-processor, section 12.",
    (
        text("kafka.input.topic", "{env}.issue.certificate.request", "Input."),
        text("kafka.output.topic", "{env}.generate.certificate.request", "Requests to generate a certificate."),
        text("kafka.output.failed.topic", "{env}.issue.certificate.failed", "Failed events."),
        text("kafka.groupId", "{env}-collection-cert-pre-processor-group", "Consumer group."),
        text("lms-cassandra.keyspace", "sunbird_courses", "Keyspace of the tables."),
        text("lms-cassandra.course_batch.table", "course_batch", "Batches with their templates."),
        text("lms-cassandra.user_enrolments.table", "user_enrolments", "Enrolments."),
        text("lms-cassandra.user_activity_agg.table", "user_activity_agg", "Scores."),
        integer("redis.database.collectionCache.id", 0, "Redis database of collection names (server `redis`)."),
        integer("redis.database.contentCache.id", 5, "Redis database of content metadata (server `redis-meta`)."),
        text("cert_domain_url", None, "`edata.basePath` of the requests."),
        text("user_read_api", "/private/user/v1/read", "Path of the user read."),
        text(
            "user_read_query",
            "fields=organisations,roles,locations,declarations,externalIds",
            "Query of the user read. With `locations` the service leaves out `profileLocation` and `locationIds`; the "
            "existing job sends no `fields=`, and gets no locations.",
        ),
        text("content_read_api", "/content/v4/read", "Path of the content read."),
        text("service.content.basePath", None, "Content service."),
        text("service.learner.basePath", None, "User and organisation service."),
        texts("assessment.metrics.supported.contenttype", ("SelfAssess",), "Content types whose scores count."),
        flag("enable.suppress.exception", True, "Go on without content metadata that cannot be read."),
        text(
            "reissue.ledger.table",
            "reissued_certificates",
            "Re-issues asked for, in `ledger.keyspace`; made with the `ledger.retention.days` of its first use.",
        ),
        *CLOUD_STORAGE,
        not_needed("lms-cassandra.assessment_aggregator.table", "assessment_aggregator", "scores come from aggregates"),
        not_needed("task.generate_certificate.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(COLLECTION_CERT_PRE_PROCESSOR,),
)
