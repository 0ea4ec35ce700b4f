"""Connection settings of Kafka clients, and what must be installed before any record can be read."""

from __future__ import annotations

import importlib.util
from typing import Any

import kafka.errors

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings import JobSettings

OUTAGE = (
    kafka.errors.KafkaConnectionError,
    kafka.errors.KafkaTimeoutError,
    kafka.errors.NodeNotReadyError,
    kafka.errors.RetriableError,
)

REFUSED = (
    kafka.errors.SaslAuthenticationFailedError,
    kafka.errors.AuthorizationError,
    kafka.errors.KafkaConfigurationError,
    kafka.errors.UnsupportedSaslMechanismError,
)

# Longest that one attempt waits for a broker that does not answer; less where outage.timeout.seconds is less.
LONGEST_ATTEMPT_MS = 10_000

CODECS = {"snappy": "python-snappy", "lz4.frame": "lz4", "zstandard": "zstandard", "gzip": "Python's gzip"}


def check_codecs() -> None:
    """Refuse to start without native CRC and the codecs that producers of these topics use (platform 3.3).

    Raises:
        ConfigurationError: names the package to install.
    """
    if importlib.util.find_spec("crc32c") is None:
        raise ConfigurationError("package crc32c is missing: without it Kafka records are decoded some 30 times slower")
    for module, package in CODECS.items():
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            raise ConfigurationError(f"package {package} is missing: records compressed with it cannot be read")


def within_outage_ms(settings: JobSettings, milliseconds: int) -> int:
    """As long as this, but no longer than ``outage.timeout.seconds``, in milliseconds; at least 1."""
    return max(min(milliseconds, int(settings.number("outage.timeout.seconds") * 1000)), 1)


def connection(settings: JobSettings) -> dict[str, Any]:
    """Arguments that every Kafka client of this configuration takes."""
    config: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.text("kafka.broker-servers").split(",")],
        "client_id": f"lern-pipeline-{settings.job or 'shared'}",
        "security_protocol": settings.text("kafka.security.protocol"),
        "request_timeout_ms": 20_000,
        "bootstrap_timeout_ms": within_outage_ms(settings, LONGEST_ATTEMPT_MS),
        "reconnect_backoff_max_ms": 2_000,
    }
    optional = {
        "sasl_mechanism": "kafka.sasl.mechanism",
        "sasl_plain_username": "kafka.sasl.username",
        "sasl_plain_password": "kafka.sasl.password",
        "ssl_cafile": "kafka.ssl.cafile",
        "ssl_certfile": "kafka.ssl.certfile",
        "ssl_keyfile": "kafka.ssl.keyfile",
        "ssl_password": "kafka.ssl.keypassword",
    }
    for argument, name in optional.items():
        value = settings.optional_text(name)
        if value:
            config[argument] = value
    return config


def address(settings: JobSettings) -> str:
    return settings.text("kafka.broker-servers")
