"""The one Definitions object: assets, checks, sensors, schedules, resources."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import dagster as dg

from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.jobs.program_user_info.job import PROGRAM_USER_INFO
from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE_UPDATER
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.orchestration import indexer_names, names, rebuild_names
from lern_pipeline.orchestration.batch_asset import batch_asset
from lern_pipeline.orchestration.completeness_check import completeness_check, completeness_schedule
from lern_pipeline.orchestration.course_batches import finding_job, finding_schedule, rebuild_all_schedule
from lern_pipeline.orchestration.deletion_check import deletion_check, deletion_check_schedule
from lern_pipeline.orchestration.failed_events import failed_events_asset, failed_events_schedule
from lern_pipeline.orchestration.indexer_asset import indexer_asset
from lern_pipeline.orchestration.indexer_schedules import indexer_schedules
from lern_pipeline.orchestration.installation import Installation, current_configuration, remarks
from lern_pipeline.orchestration.lane_checks import lane_check_definitions
from lern_pipeline.orchestration.lane_sensor import lane_sensor
from lern_pipeline.orchestration.lineage import also_written_by, store_specs, topic_specs
from lern_pipeline.orchestration.pruning import pruning_job, pruning_schedule
from lern_pipeline.orchestration.rebuild_asset import rebuild_asset
from lern_pipeline.orchestration.redrive import redriving_job
from lern_pipeline.orchestration.shredding import shredding_job, shredding_schedule
from lern_pipeline.orchestration.table_lag_check import check_key, table_lag_check
from lern_pipeline.orchestration.unfinished_effects import (
    jobs_with_effects,
    settled_sensor,
    settling_job,
    unfinished_effects_asset,
)
from lern_pipeline.orchestration.user_cache_check import check_schedule, user_cache_check
from lern_pipeline.settings import Configuration
from lern_pipeline.settings.catalogue.jobs import USER_CACHE_INDEXER

log = logging.getLogger(__name__)


def make_definitions(
    configuration: Configuration, config_file: str | None = None, jobs: Sequence[JobSpec[Any, Any]] = ALL_JOBS
) -> dg.Definitions:
    """Everything Dagster shows and runs, for one configuration. Makes no connection."""
    rebuilds = ENROLMENT_RECONCILIATION in jobs
    specs = [*topic_specs(jobs, configuration), *store_specs(jobs)]
    if rebuilds:
        written = rebuild_names.written_keys(configuration.for_job(ENROLMENT_RECONCILIATION.name))
        specs = also_written_by(rebuild_names.ASSET, written, specs)
    indexes = USER_CACHE_UPDATER in jobs
    if indexes:
        specs = also_written_by(indexer_names.ASSET, [indexer_names.USER_CACHE_ASSET], specs)
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [*specs]
    checks: list[dg.AssetChecksDefinition] = []
    batch_jobs, sensors = [], []
    installation = Installation(config_file=config_file)
    for job in jobs:
        settings = configuration.for_job(job.name)
        assets.append(batch_asset(job, settings))
        checks += [*lane_check_definitions(job), completeness_check(job)]
        batch_job = dg.define_asset_job(
            names.asset_job_name(job),
            selection=_batch_only(job),
            description=f"One micro-batch of {job.name}.",
            tags={names.LANE_TAG: job.name},
        )
        batch_jobs.append(batch_job)
        sensors.append(lane_sensor(job, settings, batch_job, installation))
    sending = jobs_with_effects(jobs)
    more_jobs: list[Any] = []
    if sending:
        settling = settling_job(sending)
        assets.append(unfinished_effects_asset(sending))
        more_jobs.append(settling)
        sending_names = {names.asset_job_name(job) for job in sending}
        sending_batches = [batch_job for batch_job in batch_jobs if batch_job.name in sending_names]
        sensors.append(settled_sensor(sending, settling, sending_batches))
    # Its report is made from the table alone.
    reported = [job for job in jobs if job is PROGRAM_USER_INFO]
    checks += [table_lag_check(job) for job in reported]
    pruning = pruning_job(jobs)
    completeness_job, completeness_hourly = completeness_schedule(jobs, [check_key(job) for job in reported])
    looking, looking_hourly = failed_events_schedule()
    assets.append(failed_events_asset(jobs, configuration))
    more_jobs += [pruning, completeness_job, looking, redriving_job(jobs)]
    schedules = [pruning_schedule(pruning), completeness_hourly, looking_hourly]
    if rebuilds:
        finding = finding_job()
        rebuilding = dg.define_asset_job(
            rebuild_names.JOB,
            selection=[rebuild_names.ASSET],
            description="Course batches recomputed from content consumption.",
        )
        assets.append(rebuild_asset())
        more_jobs += [finding, rebuilding]
        schedules += [finding_schedule(finding), rebuild_all_schedule(rebuilding)]
    if USER_DELETION_CLEANUP in jobs:
        proving, proving_daily = deletion_check_schedule()
        shredding = shredding_job(jobs)
        checks.append(deletion_check(jobs))
        more_jobs += [proving, shredding]
        schedules += [proving_daily, shredding_schedule(shredding)]
    if indexes:
        indexing_settings = configuration.for_job(USER_CACHE_INDEXER)
        indexing = dg.define_asset_job(
            indexer_names.JOB,
            selection=dg.AssetSelection.assets(indexer_names.ASSET).without_checks(),
            description="The users' hashes made from Cassandra, bucket by bucket.",
        )
        comparing, comparing_daily = check_schedule()
        assets.append(indexer_asset(indexing_settings))
        checks.append(user_cache_check())
        more_jobs += [indexing, comparing]
        schedules += [*indexer_schedules(indexing, indexing_settings), comparing_daily]
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=[*batch_jobs, *more_jobs],
        sensors=sensors,
        schedules=schedules,
        resources={"installation": installation},
        executor=dg.in_process_executor,
    )


def _batch_only(job: JobSpec[Any, Any]) -> dg.AssetSelection:
    """The batch and the check it returns. The lane's checks are the sensor's and the schedule's: in every run they
    would cost more than the batch, the completeness of all batches most of all."""
    accounted = dg.AssetCheckKey(names.asset_key(job), names.EVENTS_ACCOUNTED_FOR)
    return dg.AssetSelection.assets(names.asset_key(job)).without_checks() | dg.AssetSelection.checks(accounted)


@dg.definitions
def defs() -> dg.Definitions:
    """What ``dagster dev`` loads: the jobs on the configuration that LERN_PIPELINE_CONFIG names."""
    configuration = current_configuration()
    for remark in remarks(ALL_JOBS, configuration):
        log.warning(remark)
    return make_definitions(configuration)
