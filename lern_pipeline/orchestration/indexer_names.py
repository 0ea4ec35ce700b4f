"""How user-cache-indexer is called in Dagster."""

from __future__ import annotations

import dagster as dg

from lern_pipeline.jobs.user_cache_indexer.buckets import all_buckets
from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE, USER_CACHE_UPDATER
from lern_pipeline.settings import JobSettings

ASSET = dg.AssetKey("user_cache_indexer")
USER_CACHE_ASSET = dg.AssetKey(list(USER_CACHE.name))
GROUP, OWNER = USER_CACHE_UPDATER.group, USER_CACHE_UPDATER.owner

JOB = "user_cache_indexer_job"
DAILY_SCHEDULE = "user_cache_indexer_daily"
FULL_SCHEDULE = "user_cache_indexer_full"

CHECK = "matches_cassandra"
CHECK_JOB = "user_cache_check_job"
CHECK_SCHEDULE = "user_cache_check_daily"

# How many runs read the users' cluster at a time; an operator may raise the pool's limit.
POOL = "user_cache_indexer"

# A run materialises its buckets together at its end, so a few make a run that can be watched and repeated.
BUCKETS_PER_RUN = 32


def partitions_def(settings: JobSettings) -> dg.StaticPartitionsDefinition:
    """A partition is a bucket of users."""
    return dg.StaticPartitionsDefinition(bucket_keys(settings))


def bucket_keys(settings: JobSettings) -> list[str]:
    """All partitions, in the order of the ring."""
    return [bucket.key for bucket in all_buckets(settings.integer("user.index.buckets"))]
