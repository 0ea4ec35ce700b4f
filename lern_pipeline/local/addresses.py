"""The configured addresses of the servers, and whether they may be started here."""

from __future__ import annotations

import ipaddress
import random
import socket
from dataclasses import dataclass
from typing import Protocol

from lern_pipeline.errors import ConfigurationError


class SettingsLike(Protocol):
    """The part of the settings that the local stack reads."""

    @property
    def env(self) -> str: ...

    def text(self, name: str) -> str: ...

    def integer(self, name: str) -> int: ...


@dataclass(frozen=True)
class StackAddresses:
    """Where Kafka, Cassandra, Redis, MongoDB, the search cluster and Keycloak are, and the topics' prefix."""

    kafka_host: str
    kafka_port: int
    cassandra_host: str
    cassandra_port: int
    redis_host: str
    redis_port: int
    env: str
    mongo_host: str = "localhost"
    mongo_port: int = 27017
    opensearch_host: str = "localhost"
    opensearch_port: int = 9200
    keycloak_url: str = "http://localhost:8080"

    @classmethod
    def from_settings(cls, settings: SettingsLike) -> StackAddresses:
        """From the documented variables; of a list of hosts the first counts."""
        kafka_host, kafka_port = _first_address(settings.text("kafka.broker-servers"), 9092)
        cassandra_host, cassandra_port = _first_address(
            settings.text("lms-cassandra.host"), settings.integer("lms-cassandra.port")
        )
        opensearch_host, opensearch_port = _first_address(settings.text("es.basePath"), 9200)
        return cls(
            kafka_host=kafka_host,
            kafka_port=kafka_port,
            cassandra_host=cassandra_host,
            cassandra_port=cassandra_port,
            redis_host=settings.text("redis.host"),
            redis_port=settings.integer("redis.port"),
            env=settings.env,
            mongo_host=settings.text("ml-mongo.host"),
            mongo_port=settings.integer("ml-mongo.port"),
            opensearch_host=opensearch_host,
            opensearch_port=opensearch_port,
        )


def _first_address(text: str, default_port: int) -> tuple[str, int]:
    first = text.split(",")[0].strip()
    host, colon, port = first.rpartition(":")
    if not colon or "]" in port:
        return first.strip("[]"), default_port
    if not port.isdigit():
        raise ConfigurationError(f"{first!r} is not an address (host:port)")
    return host.strip("[]"), int(port)


def loopback_ip(host: str) -> str | None:
    """The loopback address that `host` means, or None when it is not of this machine's loopback."""
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return None
    ips = sorted({str(answer[4][0]) for answer in answers}, key=lambda ip: ":" in ip)
    return next((ip for ip in ips if ipaddress.ip_address(ip.split("%")[0]).is_loopback), None)


def free_port() -> int:
    """A port that nobody listens on now, for listeners that no configuration names.

    Taken from below the range that outgoing connections get theirs from: a server may bind it seconds later.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def accepts_connections(host: str, port: int, timeout: float = 2.0) -> bool:
    """Whether something listens there; says nothing about what."""
    try:
        with socket.create_connection((host, port), timeout):
            return True
    except OSError:
        return False
