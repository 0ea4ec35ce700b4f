"""Cassandra's tables in memory."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import (
    RowWrites,
)
from lern_pipeline_tests.microbatch.journal import Journal, Row


class InMemoryRows:
    """Cassandra's upserts: per cell, and per entry of a map that is added to, the newest write time wins."""

    def __init__(self, journal: Journal | None = None, keyspaces: Iterable[str] = ()) -> None:
        self.journal: Journal = [] if journal is None else journal
        self.keyspaces = set(keyspaces)
        self.written: list[RowWrites] = []
        self.selects: Counter[str] = Counter()
        self.scans: Counter[str] = Counter()
        self.tables: dict[str, OwnTable] = {}
        self.partition_keys: dict[str, tuple[str, ...]] = {}
        self.primary_keys: dict[str, tuple[str, ...]] = {}
        self.types: dict[str, tuple[str, ...]] = {}
        self.columns: dict[str, dict[str, str]] = {}
        self._cells: dict[str, dict[frozenset[tuple[str, Any]], dict[Any, tuple[int, Any]]]] = {}

    def give(self, table: str, key: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
        """A row that was there before; every later write is newer."""
        for column, value in columns.items():
            self._set(table, key, column, value, 0)

    def row(self, table: str, key: Mapping[str, Any]) -> Row | None:
        return next((row for row in self.rows(table) if all(row.get(c) == v for c, v in key.items())), None)

    def rows(self, table: str) -> list[Row]:
        """Rows as a reader sees them, key columns included."""
        found = []
        for key, cells in self._cells.get(table, {}).items():
            row: Row = dict(key)
            for at, (_, value) in cells.items():
                if isinstance(at, tuple):
                    row.setdefault(at[0], {})[at[1]] = value
                else:
                    row[at] = value
            found.append(row)
        return sorted(found, key=repr)

    def state(self, without: frozenset[str] = frozenset()) -> dict[str, list[Row]]:
        """All tables, to compare; ``without`` leaves columns out."""
        return {
            table: [{c: v for c, v in row.items() if c not in without} for row in self.rows(table)]
            for table in sorted(self._cells)
        }

    def has_keyspace(self, keyspace: str) -> bool:
        return keyspace in self.keyspaces

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
        wanted = set(keys)
        self.selects[table] += len(wanted)
        return [
            tuple(row.get(column) for column in columns)
            for row in self.rows(table)
            if tuple(row[column] for column in (*equal, within)) in wanted
        ]

    def select_rows(
        self,
        table: str,
        equal: Sequence[str],
        within: str,
        keys: Iterable[tuple[Any, ...]],
        group_size: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> list[Row]:
        wanted = set(keys)
        self.selects[table] += len(wanted)
        found = [row for row in self.rows(table) if tuple(row[column] for column in (*equal, within)) in wanted]
        return [
            {name: value for name, value in row.items() if value is not None and (columns is None or name in columns)}
            for row in found
        ]

    def column_types(self, table: str) -> dict[str, str]:
        return self.columns[table]

    def select_each(
        self, table: str, columns: Sequence[str], column: str, values: Iterable[str]
    ) -> list[tuple[Any, ...]]:
        wanted = set(values)
        self.selects[table] += len(wanted)
        return [tuple(row.get(name) for name in columns) for row in self.rows(table) if row.get(column) in wanted]

    def scan(
        self,
        table: str,
        columns: Sequence[str],
        partition: str,
        equal: Mapping[str, Any],
        tokens: tuple[int, int] | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        self.scans[table] += 1
        for row in self.rows(table):
            if tokens is not None and not tokens[0] <= self.tokens([row[partition]])[0] <= tokens[1]:
                continue
            if all(row[column] == wanted for column, wanted in equal.items()):
                yield [tuple(row.get(column) for column in columns)]

    def tokens(self, keys: Iterable[str]) -> list[int]:
        return [int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), signed=True) for key in keys]

    def ensure_table(self, table: OwnTable) -> None:
        self.tables.setdefault(table.full_name, table)

    def partition_key(self, table: str) -> tuple[str, ...]:
        return self.partition_keys[table]

    def primary_key(self, table: str) -> tuple[str, ...]:
        return self.primary_keys[table]

    def type_fields(self, keyspace: str, type_name: str) -> tuple[str, ...]:
        return self.types[f"{keyspace}.{type_name}"]

    def apply(self, writes: RowWrites) -> None:
        self.journal.append(f"rows {writes.table}")
        self.written.append(writes)
        for values in writes.rows:
            *values_, time = values
            named = dict(zip((*writes.key, *writes.set, *writes.put), values_, strict=True))
            key = {column: named[column] for column in writes.key}
            if writes.insert:
                self._cells.setdefault(writes.table, {}).setdefault(frozenset(key.items()), {})
            for column in writes.set:
                self._set(writes.table, key, column, named[column], time)
            for column in writes.put:
                for entry, value in named[column].items():
                    self._set(writes.table, key, (column, entry), value, time)

    def update_if_exists(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        self.journal.append(f"update {table} {dict(values)}")
        cells = self._cells.get(table, {}).get(frozenset(key.items()))
        if cells is None:
            return False
        for column, value in values.items():
            cells[column] = (time.time_ns(), value)
        return True

    def delete_if_exists(self, table: str, key: Mapping[str, Any]) -> bool:
        self.journal.append(f"delete {table}")
        return self._cells.get(table, {}).pop(frozenset(key.items()), None) is not None

    def delete_if_holds(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        # No walk through the table: other threads delete from it.
        cells = self._cells.get(table, {}).get(frozenset(key.items()))
        if cells is None or any(cells.get(column, (0, None))[1] != value for column, value in values.items()):
            return False
        return self.delete_if_exists(table, key)

    def close(self) -> None:
        """Nothing was opened."""

    def _set(self, table: str, key: Mapping[str, Any], at: Any, value: Any, time: int) -> None:
        if isinstance(value, dict) and time == 0 and not isinstance(at, tuple):
            # A given map is made of entries, so that it can be added to; what is frozen inside it is one value.
            for entry, member in value.items():
                self._set(table, key, (at, entry), member, 0)
            return
        cells = self._cells.setdefault(table, {}).setdefault(frozenset(key.items()), {})
        if at not in cells or cells[at][0] <= time:
            if not isinstance(at, tuple):
                for entry in [other for other in cells if isinstance(other, tuple) and other[0] == at]:
                    del cells[entry]
            cells[at] = (time, value)
