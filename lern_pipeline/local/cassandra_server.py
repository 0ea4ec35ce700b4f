"""Cassandra: one small node."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml
from cassandra import DriverException, OperationTimedOut, ProtocolVersion, RequestExecutionException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import RoundRobinPolicy

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.local import versions
from lern_pipeline.local.addresses import accepts_connections, free_port
from lern_pipeline.local.chroot import seeing_the_root
from lern_pipeline.local.java import find_java, java_options
from lern_pipeline.local.schema import load_schema

LOGBACK = """\
<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %p %m \\(%logger{0}\\)%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="console"/></root>
</configuration>
"""

# What Cassandra reaches into, as its own options for Java 17 have it.
EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.unsupported/sun.misc",
)
OPENS = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
)

JVM_OPTIONS = (
    "-Xms128m",
    "-Xmx512m",
    "-Xss512k",
    "-Djdk.attach.allowAttachSelf=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
    # Cassandra installs a security manager, which Java 18 and later must be told to allow.
    "-Djava.security.manager=allow",
    # Otherwise it closes its output, which is its log here.
    "-Dcassandra-foreground=true",
    # One node has nobody to wait for.
    "-Dcassandra.ring_delay_ms=0",
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
    "-Dcassandra.shutdown_announce_in_ms=0",
)


@dataclass(frozen=True)
class CassandraServer:
    """The node with the platform's keyspaces."""

    host: str
    port: int
    name: ClassVar[str] = "cassandra"
    title: ClassVar[str] = f"Cassandra {versions.CASSANDRA}"

    def commands(self, ip: str, jars: Path, data: Path) -> Sequence[Sequence[str]]:
        """Writes cassandra.yaml and logback.xml; there is nothing to prepare."""
        temporary, configuration, logback = data / "tmp", data / "cassandra.yaml", data / "logback.xml"
        temporary.mkdir(parents=True, exist_ok=True)
        logback.write_text(LOGBACK)
        configuration.write_text(yaml.safe_dump(self._configuration(ip, data), sort_keys=False))
        command = [
            str(find_java()),
            *java_options(),
            *JVM_OPTIONS,
            *(part for package in EXPORTS for part in ("--add-exports", f"{package}=ALL-UNNAMED")),
            *(part for package in OPENS for part in ("--add-opens", f"{package}=ALL-UNNAMED")),
            # Measures objects for the memtables' bounds.
            *(f"-javaagent:{agent}" for agent in sorted(jars.glob("jamm-*.jar"))),
            f"-Djava.io.tmpdir={temporary}",
            f"-Dcassandra.storagedir={data}",
            f"-Dcassandra.config={configuration.as_uri()}",
            f"-Dlogback.configurationFile={logback.as_uri()}",
            *("-cp", f"{jars}/*"),
            "org.apache.cassandra.service.CassandraDaemon",
        ]
        return [seeing_the_root(command)]

    def _configuration(self, ip: str, data: Path) -> dict[str, object]:
        storage_port = free_port()
        seeds = {
            "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
            "parameters": [{"seeds": f"127.0.0.1:{storage_port}"}],
        }
        return {
            "cluster_name": "lern-pipeline local",
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "endpoint_snitch": "SimpleSnitch",
            "num_tokens": 1,
            "listen_address": "127.0.0.1",
            "storage_port": storage_port,
            "ssl_storage_port": storage_port,
            "seed_provider": [seeds],
            "rpc_address": ip,
            "native_transport_port": self.port,
            "data_file_directories": [str(data / "tables")],
            "commitlog_directory": str(data / "commitlog"),
            "saved_caches_directory": str(data / "saved_caches"),
            "hints_directory": str(data / "hints"),
            "cdc_raw_directory": str(data / "cdc"),
            "commitlog_sync": "periodic",
            "commitlog_sync_period": "1000ms",
            # Sized for a developer's machine.
            "commitlog_total_space": "256MiB",
            "memtable_heap_space": "96MiB",
            "memtable_offheap_space": "64MiB",
            "key_cache_size": "8MiB",
            "file_cache_size": "32MiB",
            "networking_cache_size": "16MiB",
            "concurrent_reads": 16,
            "concurrent_writes": 16,
            "concurrent_counter_writes": 4,
            "concurrent_materialized_view_writes": 4,
            "concurrent_compactors": 1,
            "memtable_flush_writers": 1,
            "auto_snapshot": False,
            "hinted_handoff_enabled": False,
        }

    def answers(self, timeout: float) -> bool:
        """A CQL connection."""
        if not accepts_connections(self.host, self.port):
            return False
        try:
            with self._session(timeout):
                return True
        except (NoHostAvailable, OperationTimedOut):
            return False

    def complete(self) -> str | None:
        """Loads what is missing of schema.cql."""
        try:
            with self._session(30.0) as session:
                made = load_schema(session)
        except (NoHostAvailable, DriverException, RequestExecutionException) as error:
            raise ServiceUnavailable("Cassandra", f"{self.host}:{self.port}", first_line(error)) from error
        return f"{made} schema statements run" if made else None

    @contextmanager
    def _session(self, timeout: float) -> Any:
        cluster = Cluster(
            [self.host],
            port=self.port,
            protocol_version=ProtocolVersion.V4,
            execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(load_balancing_policy=RoundRobinPolicy())},
            connect_timeout=timeout,
            control_connection_timeout=timeout,
            # Neither is used here, and the first is read anew after every schema statement.
            schema_metadata_enabled=False,
            token_metadata_enabled=False,
            executor_threads=1,
        )
        try:
            yield cluster.connect()
        finally:
            cluster.shutdown()


def first_line(error: BaseException) -> str:
    """An error's text as part of one line."""
    return re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
