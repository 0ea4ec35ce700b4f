"""The check ``matches_cassandra`` on the user cache: a sample of hashes beside Cassandra, field by field."""

from typing import Any

import dagster as dg
from pydantic import Field

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.jobs.user_cache_indexer.sample import Compared, compare_sample
from lern_pipeline.orchestration import indexer_names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.settings.catalogue.jobs import USER_CACHE_INDEXER


class SampleConfig(dg.Config):
    """What can be said in the launchpad."""

    users: int = Field(default=200, ge=1, le=100_000, description="How many users and hashes are compared.")


def user_cache_check() -> dg.AssetChecksDefinition:
    """The check's definition."""

    @dg.asset_check(
        name=indexer_names.CHECK,
        asset=indexer_names.USER_CACHE_ASSET,
        description="A random sample of users: their hashes say what Cassandra says. Shows differences per field.",
    )
    def _matches(
        context: dg.AssetCheckExecutionContext, config: SampleConfig, installation: Installation
    ) -> dg.AssetCheckResult:
        settings = installation.named_settings(USER_CACHE_INDEXER)
        services = installation.indexing_services(settings)
        try:
            return check_result(compare_sample(services, settings, config.users, context.run.run_id))
        except LernPipelineError as error:
            return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=str(error))
        finally:
            services.close()

    return _matches


def check_result(compared: Compared) -> dg.AssetCheckResult:
    """The findings as an operator reads them. A warning: an event or the next rebuild mends it."""
    records = [
        dg.TableRecord({"field": difference.field, "what": difference.kind, "users": count})
        for difference, count in sorted(compared.fields.items())
    ]
    columns = [dg.TableColumn("field", "string"), dg.TableColumn("what", "string"), dg.TableColumn("users", "int")]
    return dg.AssetCheckResult(
        passed=compared.agrees,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"of {compared.users} users {compared.without_hash} have no hash and {compared.differing} another one than "
            f"Cassandra gives; of {compared.hashes} hashes {compared.hashes_of_nobody} are nobody's"
        ),
        metadata={
            "users": compared.users,
            "without_hash": compared.without_hash,
            "differing": compared.differing,
            "hashes": compared.hashes,
            "hashes_of_nobody": compared.hashes_of_nobody,
            "fields": dg.MetadataValue.table(records, schema=dg.TableSchema(columns)),
        },
    )


def check_schedule() -> tuple[Any, dg.ScheduleDefinition]:
    """The job that runs the check, and its daily schedule."""
    job = dg.define_asset_job(
        indexer_names.CHECK_JOB,
        selection=dg.AssetSelection.checks(dg.AssetCheckKey(indexer_names.USER_CACHE_ASSET, indexer_names.CHECK)),
        description="Compares a sample of the user cache with Cassandra.",
    )
    schedule = dg.ScheduleDefinition(
        name=indexer_names.CHECK_SCHEDULE,
        job=job,
        cron_schedule="7 5 * * *",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Compares a sample daily. Off by default, as the indexer needs settings of its own.",
    )
    return job, schedule
