"""A connection to a Cassandra cluster: credentials, TLS, local data centre, consistency, prepared statements."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from cassandra import (
    ConsistencyLevel,
    InvalidRequest,
    OperationTimedOut,
    ProtocolVersion,
    ReadFailure,
    ReadTimeout,
    Unavailable,
    UnresolvableContactPoints,
    WriteFailure,
    WriteTimeout,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.protocol import IsBootstrappingErrorMessage, OverloadedErrorMessage, ServerError
from cassandra.query import tuple_factory

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.resources.outage import one_line, until_answered
from lern_pipeline.settings import JobSettings

T = TypeVar("T")

# What installations' servers have in common (Cassandra 3 has no later one). Asking for more costs three connections
# to find that out, and version 5 checksums each frame in Python: a tenth to a fifth more of a small request.
PROTOCOL_VERSION = ProtocolVersion.V4

OUTAGE = (
    NoHostAvailable,
    OperationTimedOut,
    ReadTimeout,
    ReadFailure,
    WriteTimeout,
    WriteFailure,
    Unavailable,
    ConnectionException,
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    ServerError,
    UnresolvableContactPoints,
)


class CassandraSession:
    """One cluster. Connects on first use; safe to make before a fork, not to share across one."""

    def __init__(self, settings: JobSettings, prefix: str, consistency: str = "LOCAL_QUORUM") -> None:
        self._settings = settings
        self._consistency = getattr(ConsistencyLevel, consistency)
        self._prefix = prefix
        self._hosts = [host.strip() for host in settings.text(f"{prefix}.host").split(",") if host.strip()]
        self._port = settings.integer(f"{prefix}.port")
        self._outage_seconds = settings.number("outage.timeout.seconds")
        self._lock = threading.Lock()
        self._cluster: Any = None
        self._session: Any = None
        self._prepared: dict[str, Any] = {}

    @property
    def address(self) -> str:
        return ",".join(f"{host}:{self._port}" for host in self._hosts)

    def close(self) -> None:
        """Close all connections; the next use connects again."""
        with self._lock:
            if self._cluster is not None:
                self._cluster.shutdown()
            self._cluster = self._session = None
            self._prepared.clear()

    def answered(self, ask: Callable[[Any], T]) -> T:
        """``ask(driver session)``, tried again while the cluster does not answer, for a bounded time.

        Raises:
            ServiceUnavailable: no answer in time.
            ConfigurationError: the cluster refuses a statement (unknown table, wrong type…).
        """
        try:
            return until_answered(
                lambda: ask(self._connected()), "Cassandra", self.address, OUTAGE, self._outage_seconds
            )
        except InvalidRequest as error:
            raise ConfigurationError(f"Cassandra at {self.address} refuses a statement: {one_line(error)}") from error

    def connected(self) -> Any:
        """The driver's session."""
        return self.answered(lambda session: session)

    @property
    def metadata(self) -> Any:
        """The driver's cluster metadata; only after a connection."""
        return self._cluster.metadata

    def prepare(self, query: str) -> Any:
        """The prepared statement, with the session's consistency and idempotent; prepared once."""
        with self._lock:
            statement = self._prepared.get(query)
            if statement is None:
                statement = self._session.prepare(query)
                statement.consistency_level = self._consistency
                statement.is_idempotent = True
                self._prepared[query] = statement
            return statement

    def _connected(self) -> Any:
        with self._lock:
            if self._session is not None:
                return self._session
            cluster = Cluster(
                contact_points=self._hosts,
                port=self._port,
                auth_provider=self._credentials(),
                ssl_context=self._ssl_context(),
                protocol_version=PROTOCOL_VERSION,
                # Compressing small frames costs more than it saves: 0.2 ms of CPU a request, on both sides.
                compression=False,
                connect_timeout=10,
                control_connection_timeout=10,
                idle_heartbeat_interval=15,
                idle_heartbeat_timeout=10,
                execution_profiles={EXEC_PROFILE_DEFAULT: self._profile()},
            )
            try:
                self._session = cluster.connect()
            except BaseException:
                cluster.shutdown()
                raise
            self._cluster = cluster
            return self._session

    def _profile(self) -> Any:
        data_centre = self._settings.optional_text(f"{self._prefix}.localDataCenter") or ""
        return ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=data_centre)),
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            request_timeout=self._settings.number("cassandra.request.timeout.seconds"),
            row_factory=tuple_factory,
        )

    def _credentials(self) -> Any:
        username = self._settings.optional_text(f"{self._prefix}.username")
        if not username:
            return None
        return PlainTextAuthProvider(username, self._settings.optional_text(f"{self._prefix}.password") or "")

    def _ssl_context(self) -> ssl.SSLContext | None:
        if not self._settings.flag(f"{self._prefix}.ssl.enabled"):
            return None
        return ssl.create_default_context(cafile=self._settings.optional_text(f"{self._prefix}.ssl.cafile") or None)
