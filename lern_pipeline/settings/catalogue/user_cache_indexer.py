"""user-cache-indexer, which rebuilds the user store in bulk (its contract, section 11)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import USER_CACHE_INDEXER
from lern_pipeline.settings.variable import Area, area, flag, integer, not_needed, text

_CONSTANT = "a constant of the job"

AREA: Area = area(
    USER_CACHE_INDEXER,
    "Contract: user-cache-indexer, section 11. Which users a run takes, and the Redis it writes to, are parameters of "
    "the run (section 2.1).",
    (
        integer("redis.user.database.index", 12, "Redis database that is written."),
        integer("redis.user.input.index", 4, "Redis database that anonymous users are copied from."),
        text(
            "redis.user.backup.dir",
            "src/mount/data/analytics/content-snapshot/redisbackup",
            "Directory of the back-up of anonymous users.",
        ),
        integer(
            "redis.max.pipeline.size", 100000, "Most users written in one transaction; 1,000 at any rate.", minimum=1
        ),
        integer("redis.scan.count", 100000, "COUNT of Redis SCAN.", minimum=1),
        integer("cassandra.read.timeoutMS", 500000, "Milliseconds that one page of a table may take.", minimum=1),
        text(
            "cassandra.input.consistency.level",
            "LOCAL_QUORUM",
            "Consistency of reads.",
            choices=("LOCAL_QUORUM", "QUORUM", "EACH_QUORUM", "ALL", "LOCAL_ONE", "ONE", "TWO", "THREE"),
        ),
        text(
            "sunbird.user.cluster.host",
            "127.0.0.1",
            "Cassandra of the users.",
            aliases=("spark.cassandra.connection.host",),
            falls_back_to="lms-cassandra.host",
        ),
        text("taxonomy.basePath", None, "Framework service.", aliases=("service.taxonomy.basePath",)),
        text("framework_read_api", "/api/framework/v1/read/", "Path of the framework read."),
        text("framework_read_user_id", "analytics", "Header `user-id` of the framework read."),
        text(
            "session.time.zone",
            "UTC",
            "Time zone in which a user's `updateddate` becomes a day, to compare with `from_specific_date`.",
        ),
        integer(
            "user.index.buckets",
            256,
            "Buckets of users: partitions of `user_cache_indexer`. With another number they are other buckets.",
            minimum=1,
            maximum=10_000,
        ),
        integer("user.index.buckets.at.a.time", 4, "Buckets that a run indexes at the same time.", minimum=1),
        flag("extended.fields.enabled", False, "Write the extended fields too."),
        not_needed("cassandra.query.retry.count", 100, "a read is tried again for `outage.timeout.seconds`"),
        not_needed("redis.user.index.source.key", "id", _CONSTANT),
        not_needed("cassandra.user.keyspace", "sunbird", _CONSTANT),
        not_needed("cassandra.user.table", "user", _CONSTANT),
        not_needed("location.db.redis.key.expiry.seconds", None, "locations are not kept in Redis"),
    ),
    jobs=(USER_CACHE_INDEXER,),
)
