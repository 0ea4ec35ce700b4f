"""Names that the certificate jobs share: group, pool, stores."""

from __future__ import annotations

from lern_pipeline.microbatch.job import Store

GROUP = "certificates"

ISSUED_CERTIFICATES = "issued_certificates"
"""Pool of the jobs that rewrite ``user_enrolments.issued_certificates``."""

CERT_REGISTRY = Store(
    ("cassandra", "cert_registry"),
    "The old registry of certificates: here its rows are marked as migrated, or go.",
    "cassandra",
    table=("lms-cassandra.sbkeyspace", "lms-cassandra.certreg.table"),
)
