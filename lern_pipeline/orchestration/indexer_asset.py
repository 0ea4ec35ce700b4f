"""The asset ``user_cache_indexer``: a bucket of users is a partition of it (contract user-cache-indexer)."""

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg
from pydantic import Field

from lern_pipeline.errors import ConfigurationError, LernPipelineError
from lern_pipeline.jobs.user_cache_indexer.buckets import Bucket
from lern_pipeline.jobs.user_cache_indexer.indexer import Indexer, Mode, Request
from lern_pipeline.jobs.user_cache_indexer.kept import STORE, KeptBuckets
from lern_pipeline.jobs.user_cache_indexer.selection import Selection, given, specific_date
from lern_pipeline.jobs.user_cache_indexer.tally import Tally
from lern_pipeline.microbatch.collector import rare_collections
from lern_pipeline.orchestration import indexer_names
from lern_pipeline.orchestration.anonymous_back_up import AnonymousBackUp
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.rebuild_asset import first_attempt
from lern_pipeline.orchestration.worker_process import Worker, this_worker
from lern_pipeline.settings import JobSettings
from lern_pipeline.settings.catalogue.jobs import USER_CACHE_INDEXER


class IndexConfig(dg.Config):
    """What can be said in the launchpad (contract 2.1); empty and the text ``null`` are as good as not said."""

    specific_user_id: str = Field(
        default="", description="Only this user, whichever partition is chosen (specificUserId)."
    )
    from_specific_date: str = Field(
        default="",
        description="yyyy-MM-dd: only users updated on that day or later, or never (fromSpecificDate). "
        "specific_user_id wins.",
    )
    populate_anonymous_data: bool = Field(
        default=False,
        description="Only copy anonymous users from redis.user.input.index (populateAnonymousData). "
        "It wins over refresh_user_data.",
    )
    refresh_user_data: bool = Field(
        default=False,
        description="Clean rebuild: fields that Cassandra does not give go, and so do hashes of nobody, afterwards "
        "(refreshUserData).",
    )
    redis_host: str = Field(
        default="",
        description="Redis to write to (sparkRedisConnectionHost); default: redis-meta.host. Credentials and TLS are "
        "those of redis-meta, for its own address only.",
    )
    redis_port: int = Field(default=0, description="Its port (sparkUserDbRedisPort); 0: redis-meta.port.")


def indexer_asset(settings: JobSettings) -> dg.AssetsDefinition:
    """The asset's definition."""
    with warnings.catch_warnings():
        # Dagster calls backfill policies beta.
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.asset(
            key=indexer_names.ASSET,
            partitions_def=indexer_names.partitions_def(settings),
            backfill_policy=dg.BackfillPolicy.multi_run(indexer_names.BUCKETS_PER_RUN),
            description=(
                "The users' hashes in Redis, made from Cassandra. A partition is a hash bucket of the user id: choose "
                "all for everybody. Only what differs is written, and never over a newer event."
            ),
            group_name=indexer_names.GROUP,
            kinds={"cassandra", "redis"},
            owners=[indexer_names.OWNER],
            pool=indexer_names.POOL,
        )
        def _index(
            context: dg.AssetExecutionContext, config: IndexConfig, installation: Installation
        ) -> dg.MaterializeResult:
            return index_partitions(context, config, installation)

    return _index


def index_partitions(
    context: dg.AssetExecutionContext, config: IndexConfig, installation: Installation
) -> dg.MaterializeResult[None]:
    """Index the run's buckets.

    Raises:
        dagster.Failure: one clear line; *Re-execute* goes on behind the last finished bucket.
    """
    instance, run_id = context.instance, context.run.run_id
    worker = this_worker()
    if Worker.of_run(run_id, context.run.tags) != worker:
        instance.add_run_tags(run_id, worker.tag(run_id))
    try:
        settings = on_server(installation.named_settings(USER_CACHE_INDEXER), config)
        request = Request(first_attempt(instance, context.run), selection(config, settings), mode(config))
        buckets = [Bucket.parse(key) for key in context.partition_keys]
        directory = Path(instance.root_directory) / settings.text("redis.user.backup.dir")
        back_up = AnonymousBackUp(directory, datetime.now(UTC), run_id)
        services = installation.indexing_services(settings)
        try:
            indexer = Indexer(
                settings,
                services,
                KeptBuckets(installation.store_named(STORE, settings, instance)),
                back_up.add,
                context.log.info,
            )
            with rare_collections():
                tallies = indexer.execute(buckets, request)
        finally:
            services.close()
    except LernPipelineError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    lookups = indexer.lookups
    for framework, reason in sorted(lookups.framework_failures.items()):
        context.log.warning(f"framework {framework}: {reason}; its lists are left as they are")
    run = {
        "mode": request.mode,
        "framework_reads": lookups.framework_reads,
        "framework_failures": len(lookups.framework_failures),
        "redis": "{}:{}".format(*settings.address("redis-meta")),
    }
    if back_up.path.exists():
        run["back_up"] = str(back_up.path)
    for bucket, tally in tallies.items():
        for column, count in tally.unusable.items():
            context.log.warning(f"{bucket.key}: {column} of {count} users cannot be used and is taken as empty")
        context.add_asset_metadata(run | bucket_metadata(tally, request), partition_key=bucket.key)
    written = sum(tally.written + tally.copied + tally.keys_deleted for tally in tallies.values())
    if written:
        context.log_event(dg.AssetMaterialization(indexer_names.USER_CACHE_ASSET, metadata={"rows": written}))
    return dg.MaterializeResult()


def mode(config: IndexConfig) -> Mode:
    """Modes A, B and C of contract 3.1."""
    if config.populate_anonymous_data:
        return "anonymous"
    return "refresh" if config.refresh_user_data else "update"


def selection(config: IndexConfig, settings: JobSettings) -> Selection:
    """Which users are asked for.

    Raises:
        ConfigurationError: not a day, or no such time zone.
    """
    zone = settings.text("session.time.zone")
    try:
        return Selection(given(config.specific_user_id), specific_date(config.from_specific_date), ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(f"session.time.zone: there is no time zone {zone!r}") from error


def on_server(settings: JobSettings, config: IndexConfig) -> JobSettings:
    """The settings with the Redis server that the run names; one server's password is not offered to another."""
    own = settings.address("redis-meta")
    chosen = (given(config.redis_host) or own[0], config.redis_port or own[1])
    if chosen == own:
        return settings
    secrets: Mapping[str, Any] = {"username": None, "password": None, "ssl.enabled": False, "ssl.cafile": None}
    values = {"host": chosen[0], "port": chosen[1], **secrets}
    return settings.with_values({f"redis-meta.{name}": value for name, value in values.items()})


def bucket_metadata(tally: Tally, request: Request) -> dict[str, Any]:
    """What people look up of a bucket (contract 13)."""
    seconds = {stage: round(spent, 3) for stage, spent in tally.seconds.items()}
    return {
        **{name: value for name, value in request.parameters.items() if value and name != "specific_user_id"},
        "users_selected": tally.selected,
        "users_written": tally.written,
        "users_unchanged": tally.unchanged,
        "users_failed": tally.failed,
        "users_gone": tally.gone,
        "rows_without_userid": tally.without_userid,
        "unusable_columns": sum(tally.unusable.values()),
        "fields_removed": tally.fields_removed,
        "anonymous_backed_up": tally.anonymous_backed_up,
        "anonymous_copied": tally.copied,
        "keys_deleted": tally.keys_deleted,
        "seconds": round(sum(tally.seconds.values()), 3),
        "seconds_by_stage": dg.MetadataValue.json(seconds),
    }
