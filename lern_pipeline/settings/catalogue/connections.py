"""Kafka, Cassandra and Redis: addresses, credentials, TLS (platform contract 3.3, 6, 7, 10)."""

from __future__ import annotations

from collections.abc import Iterator

from lern_pipeline.settings.variable import Area, Variable, area, flag, integer, port, text

KAFKA: Area = area(
    "Kafka",
    "Brokers, security, producer.",
    (
        text("kafka.broker-servers", "localhost:9092", "Brokers, comma-separated `host:port`."),
        text(
            "kafka.auto.offset.reset",
            "latest",
            "Where a job starts that has no committed offsets.",
            choices=("earliest", "latest"),
        ),
        text(
            "kafka.output.failed.topic",
            "{env}.lern.pipeline.failed",
            "Failed records of jobs without a failed topic of their own.",
        ),
        text(
            "kafka.security.protocol",
            "PLAINTEXT",
            "How clients connect.",
            choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
        ),
        text(
            "kafka.sasl.mechanism",
            None,
            "SASL mechanism; needed with the SASL protocols.",
            choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
        ),
        text("kafka.sasl.username", None, "SASL user."),
        text("kafka.sasl.password", None, "SASL password.", secret=True),
        text("kafka.ssl.cafile", None, "Certificates to trust; without it the system's."),
        text("kafka.ssl.certfile", None, "Client certificate."),
        text("kafka.ssl.keyfile", None, "Key of the client certificate."),
        text("kafka.ssl.keypassword", None, "Password of the key.", secret=True),
        integer("kafka.producer.linger.ms", 10, "Milliseconds that the producer waits to fill a request."),
        integer("kafka.producer.batch.size", 65536, "Bytes of one producer batch."),
        integer("kafka.producer.max-request-size", 1572864, "Bytes of the largest request.", minimum=1),
        text(
            "kafka.producer.compression.type",
            "snappy",
            "Codec of published records.",
            choices=("none", "gzip", "snappy", "lz4", "zstd"),
        ),
    ),
)


def _cassandra() -> Iterator[Variable]:
    yield text("lms-cassandra.host", "localhost", "Contact points, comma-separated.")
    yield port("lms-cassandra.port", 9042, "Port of all contact points.")
    yield flag("lms-cassandra.isMultiDCEnabled", False, "Several data centres: queries stay in the local one.")
    yield text("lms-cassandra.localDataCenter", None, "Name of the local data centre; without it the contact point's.")
    yield text("lms-cassandra.username", None, "User.")
    yield text("lms-cassandra.password", None, "Password.", secret=True)
    yield flag("lms-cassandra.ssl.enabled", False, "Connect with TLS.")
    yield text("lms-cassandra.ssl.cafile", None, "Certificates to trust; without it the system's.")

    def lms(name: str) -> str:
        return f"lms-cassandra.{name}"

    yield text("ml-cassandra.host", "localhost", "Contact points of program-user-info.", falls_back_to=lms("host"))
    yield port("ml-cassandra.port", 9042, "Port of all contact points.", falls_back_to=lms("port"))
    yield flag("ml-cassandra.isMultiDCEnabled", False, "As for lms-cassandra.", falls_back_to=lms("isMultiDCEnabled"))
    yield text(
        "ml-cassandra.localDataCenter",
        None,
        "As for lms-cassandra.",
        falls_back_to=lms("localDataCenter"),
        on_same_server=True,
    )
    yield text("ml-cassandra.username", None, "User.", falls_back_to=lms("username"), on_same_server=True)
    yield text(
        "ml-cassandra.password", None, "Password.", secret=True, falls_back_to=lms("password"), on_same_server=True
    )
    yield flag(
        "ml-cassandra.ssl.enabled",
        False,
        "Connect with TLS.",
        falls_back_to=lms("ssl.enabled"),
        on_same_server=True,
    )
    yield text(
        "ml-cassandra.ssl.cafile",
        None,
        "Certificates to trust.",
        falls_back_to=lms("ssl.cafile"),
        on_same_server=True,
    )


def _redis(prefix: str, use: str) -> Iterator[Variable]:
    """One Redis server's variables; the others are the first one unless they say otherwise (platform contract 6.1)."""

    def first(name: str) -> str:
        return "" if prefix == "redis" else f"redis.{name}"

    same = prefix != "redis"
    yield text(f"{prefix}.host", "localhost", f"Host of {use}.", falls_back_to=first("host"))
    yield port(f"{prefix}.port", 6379, f"Port of {use}.", falls_back_to=first("port"))
    yield text(f"{prefix}.username", None, "User.", falls_back_to=first("username"), on_same_server=same)
    yield text(
        f"{prefix}.password", None, "Password.", secret=True, falls_back_to=first("password"), on_same_server=same
    )
    yield flag(
        f"{prefix}.ssl.enabled", False, "Connect with TLS.", falls_back_to=first("ssl.enabled"), on_same_server=same
    )
    yield text(
        f"{prefix}.ssl.cafile",
        None,
        "Certificates to trust; without it the system's.",
        falls_back_to=first("ssl.cafile"),
        on_same_server=same,
    )


CASSANDRA: Area = area(
    "Cassandra",
    "`ml-cassandra` is `lms-cassandra` unless it has values of its own; its credentials and TLS are taken over only "
    "for the same host and port.",
    _cassandra(),
)

REDIS: Area = area(
    "Redis",
    "Up to four servers; `redis-meta`, `dp-redis` and `dedup-redis` are the server of `redis` unless they have a host "
    "or port of their own; its credentials and TLS are taken over only for the same host and port.",
    (
        *_redis("redis", "the relation cache and the collection cache"),
        *_redis("redis-meta", "the content cache and the user store"),
        *_redis("dp-redis", "the units that relation-cache-updater writes"),
        *_redis("dedup-redis", "the checksums of activity-aggregate-updater"),
        integer("redisdb.connection.timeout", 30000, "Milliseconds to connect and to wait for an answer.", minimum=1),
        integer("redis.connection.max", 2, "Connections of one pool.", minimum=1),
    ),
)
