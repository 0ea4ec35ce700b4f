"""collection-certificate-generator (its contract, section 17)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.certificate_storage import BAD_CHARACTERS, CLOUD_STORAGE, RC_SEARCH_WAIT
from lern_pipeline.settings.catalogue.jobs import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, flag, not_needed, text

AREA: Area = area(
    COLLECTION_CERTIFICATE_GENERATOR,
    "Contract: collection-certificate-generator, section 17.",
    (
        text("kafka.input.topic", "{env}.generate.certificate.request", "Input."),
        text("kafka.output.failed.topic", "{env}.generate.certificate.failed", "Failed events."),
        text("kafka.output.audit.topic", "{env}.telemetry.raw", "AUDIT events."),
        text("kafka.groupId", "{env}-certificate-generator-group", "Consumer group."),
        text("lms-cassandra.keyspace", "sunbird_courses", "Keyspace of batches and enrolments."),
        text("lms-cassandra.course_batch.table", "course_batch", "Batches with their notification templates."),
        text("lms-cassandra.user_enrolments.table", "user_enrolments", "Enrolments."),
        text("lms-cassandra.sbkeyspace", "sunbird", "Keyspace of the old registry."),
        text("lms-cassandra.certreg.table", "cert_registry", "The old registry."),
        flag("enable.rc.certificate", True, "Certificates in Sunbird RC; off: the old registry."),
        flag("enable.suppress.exception", True, "Accept events without signatories."),
        text("service.learner.basePath", None, "User and organisation service, notifications, feed."),
        text("service.rc.basePath", "http://localhost:8081/api/v1", "Sunbird RC."),
        text("service.rc.entity", "TrainingCertificate", "RC entity, also stored as the certificate's `type`."),
        text("service.rc.rcApiKey", "token", "`Authorization` of RC's create.", secret=True),
        RC_SEARCH_WAIT,
        text("task.rc.badcharlist", BAD_CHARACTERS, "Texts removed from RC requests, comma-separated, literal."),
        *CLOUD_STORAGE,
        text("service.enc.basePath", None, "Encryption service; only for the old registry."),
        text("service.certreg.basePath", None, "Registry service; only for the old registry."),
        text("cert_domain_url", None, "Domain of the certificates' addresses."),
        text("cert_container_name", None, "Container of the certificates; only for the old registry."),
        text("cert_cloud_storage_type", None, "Kind of the storage; only for the old registry."),
        text("cert_cloud_storage_key", None, "Account of the storage; only for the old registry.", secret=True),
        text("cert_cloud_storage_secret", None, "Key of the storage; only for the old registry.", secret=True),
        text("cert_cloud_storage_endpoint", None, "Address of the storage; only for the old registry."),
        not_needed("service.content.basePath", None, "the job does not ask the content service"),
        not_needed("task.notifier.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.userfeed.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(COLLECTION_CERTIFICATE_GENERATOR,),
)
