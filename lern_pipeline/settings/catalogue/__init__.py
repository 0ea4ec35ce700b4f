"""Every configuration variable, as data: one module per area."""

from __future__ import annotations

from functools import cache

from lern_pipeline.settings.catalogue import (
    activity_aggregate_updater,
    assessment_aggregator,
    collection_cert_pre_processor,
    collection_certificate_generator,
    connections,
    engine,
    enrolment_reconciliation,
    legacy_certificate_migrator,
    manage_learn,
    merge_user_courses,
    notification_job,
    platform,
    relation_cache_updater,
    user_cache_indexer,
    user_cache_updater,
    user_deletion_cleanup,
    user_ownership_transfer,
)
from lern_pipeline.settings.catalogue.jobs import JOB_ALIASES, JOBS
from lern_pipeline.settings.variable import Area, Variable

__all__ = ["AREAS", "JOBS", "JOB_ALIASES", "known_names", "owners", "spellings", "variables"]

AREAS: tuple[Area, ...] = (
    platform.BASE,
    connections.KAFKA,
    connections.CASSANDRA,
    connections.REDIS,
    engine.ENGINE,
    activity_aggregate_updater.AREA,
    assessment_aggregator.AREA,
    enrolment_reconciliation.AREA,
    relation_cache_updater.AREA,
    collection_cert_pre_processor.AREA,
    collection_certificate_generator.AREA,
    legacy_certificate_migrator.AREA,
    merge_user_courses.AREA,
    user_cache_updater.AREA,
    user_deletion_cleanup.AREA,
    user_ownership_transfer.AREA,
    notification_job.AREA,
    manage_learn.PROGRAM_USERS,
    manage_learn.USER_DELETE,
    manage_learn.TRANSFER_OWNERSHIP,
    user_cache_indexer.AREA,
    platform.FLINK,
)


@cache
def variables(job: str | None) -> dict[str, Variable]:
    """The variables of one job by documented name, in catalogue order; None: those that every job has.

    A job's own variable replaces a common one of the same name.
    """
    common = {variable.name: variable for area in AREAS for variable in area.variables if not variable.jobs}
    own = {variable.name: variable for area in AREAS for variable in area.variables if job in variable.jobs}
    return common | own


@cache
def spellings(job: str | None) -> dict[str, str]:
    """Every accepted spelling in a job's configuration, with the documented name that it stands for."""
    known = variables(job)
    aliases = {alias: name for name, variable in known.items() for alias in variable.aliases}
    return aliases | {name: name for name in known}


@cache
def known_names() -> frozenset[str]:
    """Every accepted spelling of any job."""
    return frozenset(name for job in (None, *JOBS) for name in spellings(job))


def owners(name: str) -> tuple[str, ...]:
    """The jobs that have a variable of this spelling."""
    return tuple(job for job in JOBS if name in spellings(job))
