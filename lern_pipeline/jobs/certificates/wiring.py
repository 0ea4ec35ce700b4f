"""Names that the certificate jobs share: group, pool, stores."""

from __future__ import annotations

from lern_pipeline.microbatch.job import Store

GROUP = "certificates"

ISSUED_CERTIFICATES = "issued_certificates"
"""Pool of the jobs that rewrite the list ``user_enrolments.issued_certificates``: never at the same time."""

OUTPUT_TOPICS = {"kafka.output.audit.topic": "AUDIT telemetry of certificates."}

#: Successes are counted by certificate, in the rules.
EVENT_METRICS = {
    "total-events-count": "consumed",
    "skipped-event-count": "skipped",
    "failed-events-count": "failed",
}

CERT_REGISTRY = Store(
    ("cassandra", "cert_registry"),
    "The old registry of certificates: here its rows are marked as migrated, or go.",
    "cassandra",
    table=("lms-cassandra.sbkeyspace", "lms-cassandra.certreg.table"),
)
