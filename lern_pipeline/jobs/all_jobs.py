"""Every job of the pipeline, in the order of the data flow."""

from __future__ import annotations

from typing import Any

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.jobs.assessment_aggregator.job import ASSESSMENT_AGGREGATOR
from lern_pipeline.jobs.collection_cert_pre_processor.job import COLLECTION_CERT_PRE_PROCESSOR
from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.jobs.legacy_certificate_migrator.job import LEGACY_CERTIFICATE_MIGRATOR
from lern_pipeline.jobs.merge_user_courses.job import MERGE_USER_COURSES
from lern_pipeline.jobs.ml_transfer_ownership.job import ML_TRANSFER_OWNERSHIP
from lern_pipeline.jobs.ml_user_delete.job import ML_USER_DELETE
from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB
from lern_pipeline.jobs.program_user_info.job import PROGRAM_USER_INFO
from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER
from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE_UPDATER
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.jobs.user_ownership_transfer.job import USER_OWNERSHIP_TRANSFER
from lern_pipeline.microbatch.job import JobSpec

ALL_JOBS: tuple[JobSpec[Any, Any], ...] = (
    RELATION_CACHE_UPDATER,
    ACTIVITY_AGGREGATE_UPDATER,
    ASSESSMENT_AGGREGATOR,
    ENROLMENT_RECONCILIATION,
    MERGE_USER_COURSES,
    COLLECTION_CERT_PRE_PROCESSOR,
    COLLECTION_CERTIFICATE_GENERATOR,
    LEGACY_CERTIFICATE_MIGRATOR,
    NOTIFICATION_JOB,
    USER_CACHE_UPDATER,
    USER_DELETION_CLEANUP,
    USER_OWNERSHIP_TRANSFER,
    PROGRAM_USER_INFO,
    ML_USER_DELETE,
    ML_TRANSFER_OWNERSHIP,
)


def job_named(name: str) -> JobSpec[Any, Any]:
    """The job of that name.

    Raises:
        ConfigurationError: there is none; names those there are.
    """
    for job in ALL_JOBS:
        if name in (job.name, job.asset_name):
            return job
    known = ", ".join(job.name for job in ALL_JOBS)
    raise ConfigurationError(f"there is no job {name!r}; jobs: {known}")
