"""Cassandra: bulk reads and grouped writes with prepared statements (design 4, platform contract 7).

A single statement costs some 300 µs of Python, whatever the concurrency; grouped ones a fraction. So reads of keys
that share a replica go out as one ``IN`` query, writes as one unlogged batch of rows of one replica; groups are
sent concurrently. A group that fails is tried again as single statements.
"""

from __future__ import annotations

import ssl
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from cassandra import (
    ConsistencyLevel,
    InvalidRequest,
    OperationTimedOut,
    ReadFailure,
    ReadTimeout,
    Unavailable,
    UnresolvableContactPoints,
    WriteFailure,
    WriteTimeout,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionShutdown
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import BatchStatement, BatchType, tuple_factory

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.resources.outage import one_line, until_answered
from lern_pipeline.settings import JobSettings

T = TypeVar("T")

OUTAGE = (
    NoHostAvailable,
    OperationTimedOut,
    ReadTimeout,
    ReadFailure,
    WriteTimeout,
    WriteFailure,
    Unavailable,
    ConnectionShutdown,
    UnresolvableContactPoints,
)

# The server warns above 5 KiB a batch and above 10 partitions.
BATCH_BYTES = 4096
ROWS_PER_BATCH = 10


class Cassandra:
    """One cluster. Connects on first use; safe to make before a fork, not to share across one."""

    def __init__(
        self, settings: JobSettings, prefix: str = "lms-cassandra", counts: Counter[str] | None = None
    ) -> None:
        self._settings = settings
        self._prefix = prefix
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._hosts = [host.strip() for host in settings.text(f"{prefix}.host").split(",") if host.strip()]
        self._port = settings.integer(f"{prefix}.port")
        self._outage_seconds = settings.number("outage.timeout.seconds")
        self._concurrency = settings.integer("cassandra.concurrency")
        self._group_size = settings.integer("cassandra.read.group.size")
        self._rows_per_batch = ROWS_PER_BATCH
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

    def session(self) -> Any:
        """The driver's session, connected.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        return self._answered(lambda: self._session)

    # --- reads

    def has_keyspace(self, keyspace: str) -> bool:
        """See :class:`lern_pipeline.microbatch.services.RowReader`."""
        return self._answered(lambda: keyspace in self._cluster.metadata.keyspaces)

    def select(
        self,
        table: str,
        columns: Sequence[str],
        equal: Sequence[str],
        within: str,
        keys: Iterable[tuple[Any, ...]],
        group_size: int | None = None,
    ) -> list[tuple[Any, ...]]:
        """See :class:`lern_pipeline.microbatch.services.RowReader`."""
        where = "".join(f"{column} = ? AND " for column in equal)
        query = f"SELECT {', '.join(columns)} FROM {table} WHERE {where}{within} IN ?"
        by_equal: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        for key in dict.fromkeys(keys):
            by_equal[key[:-1]].append(key[-1])
        groups = [
            (*shared, chunk)
            for shared, values in by_equal.items()
            for chunk in self._chunks_by_replica(table, values, group_size or self._group_size)
        ]
        rows: list[tuple[Any, ...]] = []
        if groups:
            for result in self._concurrently(query, groups):
                rows.extend(result)
        self.counts["cassandra.selects"] += len(groups)
        self.counts["cassandra.keys_read"] += sum(len(group[-1]) for group in groups)
        self.counts["cassandra.rows_read"] += len(rows)
        return rows

    def _chunks_by_replica(self, table: str, values: list[Any], size: int) -> Iterator[list[Any]]:
        """Values whose partitions live on one replica, at most ``size`` at a time."""
        by_replica: dict[Any, list[Any]] = defaultdict(list)
        if len(values) > 1 and self._many_nodes():
            keyspace = table.partition(".")[0]
            for value in values:
                by_replica[self._replica(keyspace, value)].append(value)
        else:
            by_replica[None] = values
        for chosen in by_replica.values():
            for start in range(0, len(chosen), size):
                yield chosen[start : start + size]

    def _many_nodes(self) -> bool:
        self._connect()
        return len(self._cluster.metadata.all_hosts()) > 1

    def _replica(self, keyspace: str, partition_key: str) -> Any:
        replicas = self._cluster.metadata.get_replicas(keyspace, partition_key.encode())
        return replicas[0].endpoint if replicas else None

    def _concurrently(self, query: str, parameters: Sequence[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
        """All rows of the query for each of ``parameters``; requests that met an outage are sent again."""
        results: dict[int, list[tuple[Any, ...]]] = {}

        def attempt() -> list[list[tuple[Any, ...]]]:
            statement = self._prepare(query)
            missing = [index for index in range(len(parameters)) if index not in results]
            for start in range(0, len(missing), self._concurrency):
                window = missing[start : start + self._concurrency]
                futures = [(index, self._session.execute_async(statement.bind(parameters[index]))) for index in window]
                for index, future in futures:
                    results[index] = list(future.result())
            return [results[index] for index in range(len(parameters))]

        return self._answered(attempt)

    # --- writes

    def apply(self, writes: RowWrites) -> None:
        """Upsert all rows, grouped and concurrently (LOCAL_QUORUM, with the rows' own timestamps).

        Raises:
            ServiceUnavailable: no answer in time; the rows written so far may be written again.
        """
        if not writes.rows:
            return
        query = update_statement(writes)
        shape = len(writes.key), len(writes.set), len(writes.put)
        done: set[int] = set()
        batches: list[list[int]] = []

        def attempt() -> None:
            statement = self._prepare(query)
            bound = [statement.bind(_parameters(row, *shape)) for row in writes.rows]
            if not batches:
                batches.extend(self._batches(writes, bound))
            self._send(bound, [(i, b) for i, b in enumerate(batches) if i not in done], done)

        self._answered(attempt)
        self.counts["cassandra.batches"] += len(batches)
        self.counts["cassandra.rows_written"] += len(writes.rows)

    def _batches(self, writes: RowWrites, bound: list[Any]) -> list[list[int]]:
        """Row numbers, grouped by replica, within the bounds on rows and bytes."""
        many = len(self._cluster.metadata.all_hosts()) > 1
        keyspace = writes.table.partition(".")[0]
        open_: dict[Any, tuple[list[int], int]] = {}
        full: list[list[int]] = []
        for number, statement in enumerate(bound):
            replica = self._replica_of(keyspace, statement) if many else None
            size = sum(len(value) for value in statement.values if isinstance(value, bytes))
            rows, bytes_ = open_.get(replica, ([], 0))
            if rows and (len(rows) >= self._rows_per_batch or bytes_ + size > BATCH_BYTES):
                full.append(rows)
                rows, bytes_ = [], 0
            rows.append(number)
            open_[replica] = (rows, bytes_ + size)
        return [*full, *(rows for rows, _ in open_.values())]

    def _replica_of(self, keyspace: str, statement: Any) -> Any:
        replicas = self._cluster.metadata.get_replicas(keyspace, statement.routing_key)
        return replicas[0].endpoint if replicas else None

    def _send(self, bound: list[Any], batches: list[tuple[int, list[int]]], done: set[int]) -> None:
        for start in range(0, len(batches), self._concurrency):
            futures = [
                (number, rows, self._session.execute_async(self._group(bound, rows)))
                for number, rows in batches[start : start + self._concurrency]
            ]
            for number, rows, future in futures:
                try:
                    future.result()
                except (InvalidRequest, WriteTimeout, WriteFailure):
                    # As single statements: the one at fault shows itself, the others are written.
                    for row in rows:
                        self._session.execute(bound[row])
                done.add(number)

    @staticmethod
    def _group(bound: list[Any], rows: list[int]) -> Any:
        if len(rows) == 1:
            return bound[rows[0]]
        batch = BatchStatement(batch_type=BatchType.UNLOGGED, consistency_level=ConsistencyLevel.LOCAL_QUORUM)
        batch.is_idempotent = True
        for row in rows:
            batch.add(bound[row])
        return batch

    # --- connection

    def _answered(self, attempt: Callable[[], T]) -> T:
        def connected() -> T:
            self._connect()
            return attempt()

        try:
            return until_answered(connected, "Cassandra", self.address, OUTAGE, self._outage_seconds)
        except InvalidRequest as error:
            raise ConfigurationError(f"Cassandra at {self.address} refuses a statement: {one_line(error)}") from error

    def _prepare(self, query: str) -> Any:
        with self._lock:
            statement = self._prepared.get(query)
            if statement is None:
                statement = self._session.prepare(query)
                statement.consistency_level = ConsistencyLevel.LOCAL_QUORUM
                statement.is_idempotent = True
                self._prepared[query] = statement
            return statement

    def _connect(self) -> None:
        with self._lock:
            if self._session is not None:
                return
            cluster = Cluster(
                contact_points=self._hosts,
                port=self._port,
                auth_provider=self._credentials(),
                ssl_context=self._ssl_context(),
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


def update_statement(writes: RowWrites) -> str:
    """The prepared text for the writes' shape. Only names from this program are in it, values are bound."""
    changes = [f"{column} = ?" for column in writes.set] + [f"{column} = {column} + ?" for column in writes.put]
    where = " AND ".join(f"{column} = ?" for column in writes.key)
    return f"UPDATE {writes.table} USING TIMESTAMP ? SET {', '.join(changes)} WHERE {where}"


def _parameters(row: list[Any], keys: int, sets: int, puts: int) -> list[Any]:
    changes_end = keys + sets + puts
    return [row[changes_end], *row[keys:changes_end], *row[:keys]]
