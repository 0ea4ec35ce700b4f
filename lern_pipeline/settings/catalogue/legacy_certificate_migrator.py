"""legacy-certificate-migrator (its contract, section 10)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.certificate_storage import BAD_CHARACTERS, CLOUD_STORAGE, RC_SEARCH_WAIT
from lern_pipeline.settings.catalogue.jobs import LEGACY_CERTIFICATE_MIGRATOR
from lern_pipeline.settings.variable import Area, area, flag, not_needed, text

AREA: Area = area(
    LEGACY_CERTIFICATE_MIGRATOR,
    "Contract: legacy-certificate-migrator, section 10. Deployments set topics and group with the prefix: "
    "`{env}.legacy.certificate.migrate`, `{env}.telemetry.raw`, `{env}-certificate-migrator-group`.",
    (
        text("kafka.input.topic", "rc.certificate.migrate", "Input."),
        text("kafka.output.failed.topic", "rc.certificate.migrate.failed", "Failed events."),
        text("kafka.output.audit.topic", "rc.certificate.migrate.audit", "AUDIT events."),
        text("kafka.groupId", "certificate-migrator-group", "Consumer group."),
        text("lms-cassandra.keyspace", "sunbird_courses", "Keyspace of the enrolments."),
        text("lms-cassandra.user_enrolments.table", "user_enrolments", "Enrolments."),
        text("lms-cassandra.sbkeyspace", "sunbird", "Keyspace of the old registry."),
        text("lms-cassandra.certreg.table", "cert_registry", "The old registry."),
        text("service.rc.basePath", "http://localhost:8082/api/v1", "Sunbird RC."),
        text("service.rc.entity", "TrainingCertificate", "RC entity, also stored as the certificate's `type`."),
        text("service.rc.rcApiKey", "", "`Authorization` of RC's search.", secret=True),
        RC_SEARCH_WAIT,
        text("task.rc.badcharlist", BAD_CHARACTERS, "Texts removed from RC requests, comma-separated, literal."),
        flag("enable.suppress.exception", True, "Accept events without signatories."),
        flag("enable.rc.certificate", True, "Only logged."),
        *CLOUD_STORAGE,
        not_needed("service.enc.basePath", "http://localhost:9000/enc", "the job signs nothing"),
        not_needed("cert_domain_url", None, "no effect in the existing job either"),
    ),
    jobs=(LEGACY_CERTIFICATE_MIGRATOR,),
)
