"""Kafka: one KRaft node that is broker and controller."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.local import versions
from lern_pipeline.local.addresses import accepts_connections, free_port
from lern_pipeline.local.java import find_java, java_options
from lern_pipeline.local.topics import PARTITIONS, RETENTION_MS, topic_settings

LOG4J = """\
status = error
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c{1})%n
# One line per partition and request would hide what matters.
logger.quiet.name = kafka
logger.quiet.level = warn
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
logger.states.name = state.change.logger
logger.states.level = warn
logger.clients.name = org.apache.kafka
logger.clients.level = warn
"""


@dataclass(frozen=True)
class KafkaServer:
    """The broker with the platform's topics."""

    host: str
    port: int
    env: str
    name: ClassVar[str] = "kafka"
    title: ClassVar[str] = f"Kafka {versions.KAFKA}"

    def commands(self, ip: str, jars: Path, data: Path) -> Sequence[Sequence[str]]:
        """Formats the log directory the first time, then starts the broker."""
        java = str(find_java())
        temporary = data / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        properties, log4j, logs, formatted = (
            data / name for name in ("server.properties", "log4j2.properties", "logs", "formatted")
        )
        log4j.write_text(LOG4J)
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._properties(ip, logs).items()))
        common = [*java_options(), f"-Djava.io.tmpdir={temporary}", f"-Dlog4j2.configurationFile={log4j.as_uri()}"]
        common += ["-cp", f"{jars}/*"]
        server = [java, "-Xms64m", "-Xmx512m", *common, "kafka.Kafka", str(properties)]
        if formatted.exists():
            return [server]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        storage_tool = [java, "-Xmx128m", *common, "kafka.tools.StorageTool", "format"]
        return [
            # What an interrupted format left behind would be refused.
            ["rm", "-rf", str(logs)],
            [*storage_tool, "-t", cluster, "-c", str(properties)],
            ["touch", str(formatted)],
            server,
        ]

    def _properties(self, ip: str, logs: Path) -> dict[str, object]:
        bracketed = f"[{ip}]" if ":" in ip else ip
        controller = free_port()
        mebibyte = 1024 * 1024
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{bracketed}:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.host}:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": logs,
            # As in the platform's stock topics.
            "auto.create.topics.enable": "true",
            "num.partitions": PARTITIONS,
            "log.retention.ms": RETENTION_MS,
            "message.max.bytes": 1_572_864,
            "default.replication.factor": 1,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # A single small node: few internal partitions, threads and buffers, no waiting for further members.
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "background.threads": 2,
            "log.cleaner.dedupe.buffer.size": 16 * mebibyte,
            "log.segment.bytes": 64 * mebibyte,
            "log.index.size.max.bytes": 2 * mebibyte,
        }

    def answers(self, timeout: float) -> bool:
        """The broker's metadata."""
        if not accepts_connections(self.host, self.port):
            return False
        try:
            with self._admin(timeout) as admin:
                admin.list_topics()
                return True
        except KafkaError:
            return False

    def complete(self) -> str | None:
        """Makes the platform's topics that are missing."""
        try:
            with self._admin(30.0) as admin:
                existing = set(admin.list_topics())
                missing = {name: spec for name, spec in topic_settings(self.env).items() if name not in existing}
                if not missing:
                    return None
                admin.create_topics(missing, wait_for_metadata=True)
        except TopicAlreadyExistsError:
            return None
        except KafkaError as error:
            raise ServiceUnavailable("Kafka", f"{self.host}:{self.port}", str(error)) from error
        return f"{len(missing)} topics made"

    def _admin(self, timeout: float) -> Any:
        milliseconds = int(timeout * 1000)
        return KafkaAdminClient(
            bootstrap_servers=f"{self.host}:{self.port}",
            bootstrap_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds,
        )
