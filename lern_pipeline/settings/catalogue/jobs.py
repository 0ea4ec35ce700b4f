"""Names of the jobs, as configuration, commands and metrics spell them (platform contract 1)."""

from __future__ import annotations

ACTIVITY_AGGREGATE_UPDATER = "activity-aggregate-updater"
ASSESSMENT_AGGREGATOR = "assessment-aggregator"
ENROLMENT_RECONCILIATION = "enrolment-reconciliation"
RELATION_CACHE_UPDATER = "relation-cache-updater"
COLLECTION_CERT_PRE_PROCESSOR = "collection-cert-pre-processor"
COLLECTION_CERTIFICATE_GENERATOR = "collection-certificate-generator"
LEGACY_CERTIFICATE_MIGRATOR = "legacy-certificate-migrator"
MERGE_USER_COURSES = "merge-user-courses"
USER_CACHE_UPDATER = "user-cache-updater"
USER_DELETION_CLEANUP = "user-deletion-cleanup"
USER_OWNERSHIP_TRANSFER = "user-ownership-transfer"
NOTIFICATION_JOB = "notification-job"
PROGRAM_USER_INFO = "program-user-info"
ML_USER_DELETE = "ml-user-delete"
ML_TRANSFER_OWNERSHIP = "ml-transfer-ownership"
USER_CACHE_INDEXER = "user-cache-indexer"

JOBS: tuple[str, ...] = (
    ACTIVITY_AGGREGATE_UPDATER,
    ASSESSMENT_AGGREGATOR,
    ENROLMENT_RECONCILIATION,
    RELATION_CACHE_UPDATER,
    COLLECTION_CERT_PRE_PROCESSOR,
    COLLECTION_CERTIFICATE_GENERATOR,
    LEGACY_CERTIFICATE_MIGRATOR,
    MERGE_USER_COURSES,
    USER_CACHE_UPDATER,
    USER_DELETION_CLEANUP,
    USER_OWNERSHIP_TRANSFER,
    NOTIFICATION_JOB,
    PROGRAM_USER_INFO,
    ML_USER_DELETE,
    ML_TRANSFER_OWNERSHIP,
    USER_CACHE_INDEXER,
)

#: The platform contract and existing deployments also call it so.
JOB_ALIASES: dict[str, str] = {"user-cache-updater-v2": USER_CACHE_UPDATER}
