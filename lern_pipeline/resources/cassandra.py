"""Cassandra: bulk reads and grouped writes with prepared statements (design 4, platform contract 7).

A single statement costs some 300 µs of Python, whatever the concurrency; grouped ones a fraction. So reads of keys
that share a replica go out as one ``IN`` query, writes as one unlogged batch of rows of one replica; groups are
sent concurrently. A group that fails is tried again as single statements.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from cassandra import ConsistencyLevel, InvalidRequest, WriteFailure, WriteTimeout
from cassandra.metadata import Murmur3Token, protect_name, protect_names
from cassandra.query import BatchStatement, BatchType

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.resources.cassandra_session import CassandraSession
from lern_pipeline.resources.list_writes import ListWriteTimes, never_repeated
from lern_pipeline.resources.own_tables import ensure_table
from lern_pipeline.resources.plain_values import binder, plain_rows, sets_lists
from lern_pipeline.resources.table_scan import scan_table
from lern_pipeline.resources.update_statements import parameters, update_statement, where
from lern_pipeline.settings import JobSettings

R = TypeVar("R")

# The server warns above 5 KiB a batch and above 10 partitions.
BATCH_BYTES = 4096
ROWS_PER_BATCH = 10

# Rows bound at a time: bounds memory, not throughput.
ROWS_AT_A_TIME = 5_000


class Cassandra:
    """One cluster, asked in bulk. ``counts`` gets the statements, keys and rows of every call."""

    def __init__(
        self,
        settings: JobSettings,
        prefix: str = "lms-cassandra",
        counts: Counter[str] | None = None,
        rows_per_batch: int = ROWS_PER_BATCH,
        read_consistency: str = "LOCAL_QUORUM",
    ) -> None:
        self._settings = settings
        self._session = CassandraSession(settings, prefix, read_consistency)
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._concurrency = settings.integer("cassandra.concurrency")
        self._group_size = settings.integer("cassandra.read.group.size")
        self._rows_per_batch = min(rows_per_batch, ROWS_PER_BATCH)

    def close(self) -> None:
        """Close all connections; the next use connects again."""
        self._session.close()

    def session(self) -> Any:
        """The driver's session, connected.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        return self._session.connected()

    def has_keyspace(self, keyspace: str) -> bool:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        return self._session.answered(lambda session: keyspace in self._session.metadata.keyspaces)

    def partition_key(self, table: str) -> tuple[str, ...]:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        return tuple(column.name for column in self._table(table).partition_key)

    def primary_key(self, table: str) -> tuple[str, ...]:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        return tuple(column.name for column in self._table(table).primary_key)

    def type_fields(self, keyspace: str, type_name: str) -> tuple[str, ...]:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        found = self._session.answered(lambda session: self._keyspace(keyspace).user_types.get(type_name))
        if found is None:
            raise ConfigurationError(f"Cassandra at {self._session.address} has no type {keyspace}.{type_name}")
        return tuple(found.field_names)

    def column_types(self, table: str) -> dict[str, str]:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        return {column.name: column.cql_type for column in self._table(table).columns.values()}

    def _table(self, table: str) -> Any:
        keyspace, _, name = table.partition(".")
        found = self._session.answered(lambda session: self._keyspace(keyspace).tables.get(name))
        if found is None:
            raise ConfigurationError(f"Cassandra at {self._session.address} has no table {table}")
        return found

    def _keyspace(self, name: str) -> Any:
        keyspace = self._session.metadata.keyspaces.get(name)
        if keyspace is None:
            raise ConfigurationError(f"Cassandra at {self._session.address} has no keyspace {name}")
        return keyspace

    def ensure_table(self, table: OwnTable) -> None:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        ensure_table(self._session, table, self._settings)

    def conditional(self, query: str, values: tuple[Any, ...]) -> dict[str, Any]:
        """Carry out one conditional statement (Paxos, LOCAL_SERIAL): ``[applied]``, and the row that stood against it.

        Raises:
            ServiceUnavailable: no answer in time; an attempt of which no answer came may have been applied.
        """

        def ask(session: Any) -> dict[str, Any]:
            bound = self._session.prepare(query).bind(values)
            bound.serial_consistency_level = ConsistencyLevel.LOCAL_SERIAL
            # The driver itself must not send it again: the answer would be that of the repetition.
            bound.is_idempotent = False
            result = session.execute(bound)
            return dict(zip(result.column_names, result.one(), strict=True))

        self.counts["cassandra.conditional"] += 1
        return self._session.answered(ask)

    def update_if_exists(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        """See :class:`lern_pipeline.microbatch.stores.RowStore`."""
        changes = ", ".join(f"{column} = ?" for column in protect_names(values))
        query = f"UPDATE {table} SET {changes} WHERE {where(key)} IF EXISTS"
        return bool(self.conditional(query, (*values.values(), *key.values()))["[applied]"])

    def delete_if_exists(self, table: str, key: Mapping[str, Any]) -> bool:
        """See :class:`lern_pipeline.microbatch.stores.RowStore`."""
        query = f"DELETE FROM {table} WHERE {where(key)} IF EXISTS"
        return bool(self.conditional(query, tuple(key.values()))["[applied]"])

    def delete_if_holds(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        """See :class:`lern_pipeline.microbatch.stores.RowStore`."""
        query = f"DELETE FROM {table} WHERE {where(key)} IF {where(values)}"
        return bool(self.conditional(query, (*key.values(), *values.values()))["[applied]"])

    def execute(self, query: str, values: tuple[Any, ...]) -> None:
        """Carry out one statement that may be repeated.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        self.counts["cassandra.statements"] += 1
        self._session.answered(lambda session: session.execute(self._session.prepare(query).bind(values)))

    def execute_all(self, table: str, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Carry out one statement on ``table`` that may be repeated, for many values: grouped and concurrently.

        Raises:
            ServiceUnavailable: no answer in time.
        """

        def ask(session: Any) -> int:
            statement = self._session.prepare(query)
            bound = [statement.bind(values) for values in rows]
            batches = self._batches(table, bound)
            self._concurrently(
                range(len(batches)),
                lambda number: session.execute_async(_group(bound, batches[number])),
                lambda number, future: future.result(),
            )
            return len(batches)

        self.counts["cassandra.statements"] += self._session.answered(ask)

    # --- reads

    def select(
        self,
        table: str,
        columns: Sequence[str],
        equal: Sequence[str],
        within: str,
        keys: Iterable[tuple[Any, ...]],
        group_size: int | None = None,
        times: Sequence[str] = (),
    ) -> list[tuple[Any, ...]]:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        # The driver's own datetimes end at the year 9999, and a row beyond it could not be read at all.
        columns = [f"toUnixTimestamp({column})" if column in times else column for column in columns]
        return self._select(table, ", ".join(columns), equal, within, keys, group_size, list)

    def select_rows(
        self,
        table: str,
        equal: Sequence[str],
        within: str,
        keys: Iterable[tuple[Any, ...]],
        group_size: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        types = self.column_types(table)
        columns = tuple(types) if columns is None else columns
        times = {name for name, type_ in types.items() if type_ == "timestamp"}
        selected = ", ".join(
            f"toUnixTimestamp({protect_name(name)})" if name in times else protect_name(name) for name in columns
        )
        return self._select(
            table, selected, equal, within, keys, group_size, lambda result: plain_rows(table, tuple(columns), result)
        )

    def _select(
        self,
        table: str,
        columns: str,
        equal: Sequence[str],
        within: str,
        keys: Iterable[tuple[Any, ...]],
        group_size: int | None,
        rows_of: Callable[[Any], list[R]],
    ) -> list[R]:
        where = "".join(f"{column} = ? AND " for column in equal)
        query = f"SELECT {columns} FROM {table} WHERE {where}{within} IN ?"
        by_equal: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        for key in dict.fromkeys(keys):
            by_equal[key[:-1]].append(key[-1])
        if not by_equal:
            return []
        replica_of = self._replica_finder(table)
        size = group_size or self._group_size
        groups = [
            (*shared, chunk)
            for shared, values in by_equal.items()
            for chunk in _chunks_by_replica(values, lambda value: replica_of(value.encode()), size)
        ]
        rows = self._read(query, groups, rows_of)
        self.counts["cassandra.selects"] += len(groups)
        self.counts["cassandra.keys_read"] += sum(len(group[-1]) for group in groups)
        self.counts["cassandra.rows_read"] += len(rows)
        return rows

    def _read(self, query: str, groups: Sequence[tuple[Any, ...]], rows_of: Callable[[Any], list[R]]) -> list[R]:
        """All rows of all groups; a group that met an outage is asked for again, the others are not."""
        results: dict[int, list[R]] = {}

        def ask(session: Any) -> None:
            statement = self._session.prepare(query)

            def keep(index: int, future: Any) -> None:
                results[index] = rows_of(future.result())

            missing = (index for index in range(len(groups)) if index not in results)
            self._concurrently(missing, lambda index: session.execute_async(statement.bind(groups[index])), keep)

        self._session.answered(ask)
        return [row for index in range(len(groups)) for row in results[index]]

    def select_each(
        self, table: str, columns: Sequence[str], column: str, values: Iterable[str]
    ) -> list[tuple[Any, ...]]:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        wanted = [(value,) for value in dict.fromkeys(values)]
        rows: list[tuple[Any, ...]] = self._read(
            f"SELECT {', '.join(columns)} FROM {table} WHERE {column} = ?", wanted, list
        )
        self.counts["cassandra.selects"] += len(wanted)
        self.counts["cassandra.rows_read"] += len(rows)
        return rows

    def scan(
        self,
        table: str,
        columns: Sequence[str],
        partition: str,
        equal: Mapping[str, Any],
        tokens: tuple[int, int] | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`."""
        for page in scan_table(self._session, table, columns, partition, equal, tokens):
            self.counts["cassandra.rows_read"] += len(page)
            yield page

    def tokens(self, keys: Iterable[str]) -> list[int]:
        """See :class:`lern_pipeline.microbatch.stores.RowReader`; of Murmur3, the only partitioner that is used."""
        return [Murmur3Token.hash_fn(key.encode()) for key in keys]

    # --- writes

    def apply(self, writes: RowWrites) -> None:
        """Upsert all rows, grouped and concurrently (LOCAL_QUORUM, with the rows' own timestamps; where a list is
        set, with :class:`ListWriteTimes`).

        Raises:
            ServiceUnavailable: no answer in time; the rows written so far may be written again.
        """
        query = update_statement(writes)
        for start in range(0, len(writes.rows), ROWS_AT_A_TIME):
            self._write(query, writes, writes.rows[start : start + ROWS_AT_A_TIME])
        self.counts["cassandra.rows_written"] += len(writes.rows)

    def _write(self, query: str, writes: RowWrites, rows: list[list[Any]]) -> None:
        done: set[int] = set()
        list_times = ListWriteTimes()
        # Made once: after an outage the numbers in ``done`` must still mean the same rows.
        batches: list[list[int]] = []

        def ask(session: Any) -> int:
            statement = self._session.prepare(query)
            bind, lists = binder(statement), sets_lists(statement)
            time_of = list_times.next_attempt() if lists else None
            bound = [bind(parameters(writes, row, time_of)) for row in rows]
            if not batches:
                batches.extend(self._batches(writes.table, bound))

            def settle(number: int, future: Any) -> None:
                try:
                    future.result()
                except (InvalidRequest, WriteTimeout, WriteFailure) as error:
                    if lists and not isinstance(error, InvalidRequest):
                        raise
                    # As single statements: the one at fault shows itself, the others are written.
                    for row in batches[number]:
                        session.execute(bound[row])
                done.add(number)

            open_ = (number for number in range(len(batches)) if number not in done)

            def send(number: int) -> Any:
                group = _group(bound, batches[number])
                return session.execute_async(never_repeated(group) if lists else group)

            self._concurrently(open_, send, settle)
            return len(batches)

        self.counts["cassandra.batches"] += self._session.answered(ask)

    def _batches(self, table: str, bound: list[Any]) -> list[list[int]]:
        """Row numbers, grouped by replica, within the bounds on rows and bytes."""
        replica_of = self._replica_finder(table)
        open_: dict[Any, tuple[list[int], int]] = {}
        full: list[list[int]] = []
        for number, statement in enumerate(bound):
            replica = replica_of(statement.routing_key)
            size = sum(len(value) for value in statement.values if isinstance(value, bytes))
            rows, bytes_ = open_.get(replica, ([], 0))
            if rows and (len(rows) >= self._rows_per_batch or bytes_ + size > BATCH_BYTES):
                full.append(rows)
                rows, bytes_ = [], 0
            rows.append(number)
            open_[replica] = (rows, bytes_ + size)
        return [*full, *(rows for rows, _ in open_.values())]

    def _replica_finder(self, table: str) -> Callable[[bytes], Any]:
        """Routing key → the replica that coordinates it; on a single node all share one."""
        self._session.connected()
        metadata = self._session.metadata
        if len(metadata.all_hosts()) <= 1:
            return lambda routing_key: None
        keyspace = table.partition(".")[0]

        def replica(routing_key: bytes) -> Any:
            replicas = metadata.get_replicas(keyspace, routing_key)
            return replicas[0].endpoint if replicas else None

        return replica

    def _concurrently(
        self, numbers: Iterable[int], send: Callable[[int], Any], settle: Callable[[int, Any], None]
    ) -> None:
        """Send all, a bounded number at a time, the next as soon as the oldest has been answered."""
        in_flight: deque[tuple[int, Any]] = deque()
        for number in numbers:
            if len(in_flight) >= self._concurrency:
                settle(*in_flight.popleft())
            in_flight.append((number, send(number)))
        while in_flight:
            settle(*in_flight.popleft())


def _chunks_by_replica(values: list[Any], replica_of: Callable[[Any], Any], size: int) -> Iterator[list[Any]]:
    """Values whose partitions live on one replica, at most ``size`` at a time."""
    by_replica: dict[Any, list[Any]] = defaultdict(list)
    for value in values:
        by_replica[replica_of(value)].append(value)
    for chosen in by_replica.values():
        for start in range(0, len(chosen), size):
            yield chosen[start : start + size]


def _group(bound: list[Any], rows: list[int]) -> Any:
    if len(rows) == 1:
        return bound[rows[0]]
    batch = BatchStatement(batch_type=BatchType.UNLOGGED, consistency_level=ConsistencyLevel.LOCAL_QUORUM)
    batch.is_idempotent = True
    for row in rows:
        batch.add(bound[row])
    return batch
