"""Variables that every job includes (platform contract 10)."""

from __future__ import annotations

from lern_pipeline.settings.variable import Area, area, integer, not_needed, port, text

_FLINK_STATE = "Flink's checkpoint storage; progress is kept in the partition keys and the group's offsets"
FLINK_PARALLELISM = "Flink's operator parallelism; a micro-batch is one run"
_OTHER_SYSTEM = "read by no Lern job"

BASE: Area = area(
    "Installation",
    "What every job shares.",
    (
        text(
            "env",
            "local",
            "Name of the environment: prefix of topics, groups and some keyspaces; `{env}` and `{{env}}` in any text "
            "stand for it.",
            aliases=("job.env",),
        ),
        text("sunbird_instance_name", "Sunbird", "Name of the installation in texts for people (SMS)."),
        text("es.basePath", "localhost:9200", "Search cluster, `host:port[,host:port…]`, without a scheme."),
        text("ml-mongo.host", "localhost", "MongoDB host."),
        port("ml-mongo.port", 27017, "MongoDB port."),
        text("ml-mongo.database", "ml-service", "MongoDB database (many deployments: `ml-survey`)."),
        text(
            "ml-mongo.uri",
            None,
            "Complete MongoDB address with credentials and TLS; used instead of host and port.",
            secret=True,
        ),
    ),
)

FLINK: Area = area(
    "Names of the existing jobs",
    "Existing `.conf` files carry these. Those that have a meaning here say so; the others are accepted and have no "
    "effect.",
    (
        integer("task.restart-strategy.attempts", 3, "How often a failed run is retried before the lane turns red."),
        integer("task.restart-strategy.delay", 30000, "Milliseconds before the first retry of a failed run."),
        integer(
            "task.checkpointing.timeout",
            600000,
            "Milliseconds that one run of a micro-batch may take; then the daemon ends it, and the lane tries again.",
            minimum=1,
        ),
        not_needed(
            "task.checkpointing.interval",
            60000,
            "offsets are committed after every micro-batch; `microbatch.max.wait.seconds` is the nearest",
        ),
        not_needed("task.checkpointing.compressed", True, _FLINK_STATE),
        not_needed("task.checkpointing.pause.between.seconds", 30000, _FLINK_STATE),
        not_needed("job.enable.distributed.checkpointing", False, _FLINK_STATE),
        not_needed("job.statebackend.blob.storage.account", "blob.storage.account", _FLINK_STATE),
        not_needed("job.statebackend.blob.storage.container", "kp-checkpoints", _FLINK_STATE),
        not_needed("job.statebackend.blob.storage.checkpointing.dir", "flink-jobs", _FLINK_STATE),
        not_needed("job.statebackend.base.url", None, _FLINK_STATE),
        not_needed("job.bb", "lern", _OTHER_SYSTEM),
        not_needed("task.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.consumer.parallelism", 1, FLINK_PARALLELISM),
        not_needed("task.window.shards", 1, "Flink's count windows; a micro-batch groups by learner itself"),
        not_needed("kafka.zookeeper", "localhost:2181", "Kafka clients do not talk to ZooKeeper"),
        not_needed("kafka.producer.broker-servers", None, "`kafka.broker-servers` serves both ways"),
        not_needed("kafka.consumer.broker-servers", None, "`kafka.broker-servers` serves both ways"),
        not_needed("redis.connection.idle.min", 1, "the pool opens connections when they are needed"),
        not_needed("redis.connection.idle.max", 2, "the pool closes with the run"),
        not_needed("redis.connection.minEvictableIdleTimeSeconds", 120, "the pool closes with the run"),
        not_needed("redis.connection.timeBetweenEvictionRunsSeconds", 300, "the pool closes with the run"),
        not_needed("neo4j.routePath", "bolt://localhost:7687", _OTHER_SYSTEM),
        not_needed("neo4j.graph", "domain", _OTHER_SYSTEM),
        not_needed("schema.basePath", None, _OTHER_SYSTEM),
        not_needed("schema.supportedVersion", None, _OTHER_SYSTEM),
        not_needed("schema.supportedVersion.itemset", "2.0", _OTHER_SYSTEM),
        not_needed("media_download_duration", "300 seconds", _OTHER_SYSTEM),
    ),
)
