"""The learner's tables, and an account's rows in memory while merges are made one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from lern_pipeline.microbatch.plan import RowWrites

Row = dict[str, Any]
"""By column; nulls are left out. Rows are never changed, only replaced."""

Key = tuple[str, ...]
"""A row's key without the account."""


class LearnerTable(NamedTuple):
    """How a table is keyed. ``maps``: columns whose entries are written one by one; ``insert``: rows without any
    column but the key are rows too."""

    account: str
    key: Key
    columns_of_key: Key
    maps: frozenset[str] = frozenset()
    insert: bool = True


CONSUMPTION = LearnerTable(
    "userid", ("courseid", "batchid", "contentid"), ("userid", "courseid", "batchid", "contentid")
)
ENROLMENTS = LearnerTable("userid", ("courseid", "batchid"), ("userid", "courseid", "batchid"))
AGGREGATES = LearnerTable(
    "user_id",
    ("activity_id", "context_id"),
    ("activity_type", "activity_id", "user_id", "context_id"),
    maps=frozenset({"agg", "aggregates", "agg_last_updated"}),
    insert=False,
)


class AccountRows:
    """The rows of one table: as stored, and as the merges so far leave them."""

    def __init__(self, table: LearnerTable, stored: Iterable[Row] = ()) -> None:
        self.table = table
        self._stored: dict[tuple[str, Key], Row] = {}
        self._rows: dict[str, dict[Key, Row]] = defaultdict(dict)
        # In the order of the first change, so that a plan looks the same whenever it is made.
        self._changed: dict[tuple[str, Key], None] = {}
        for row in stored:
            account, key = row[table.account], tuple(row[column] for column in table.key)
            self._stored[account, key] = self._rows[account][key] = row

    def of(self, account: str) -> Mapping[Key, Row]:
        """The account's rows as they are now."""
        return self._rows.get(account, {})

    def put(self, account: str, key: Key, row: Row) -> None:
        """The account has this row now."""
        self._rows[account][key] = row
        self._changed[account, key] = None

    def copied(self, row: Row, account: str) -> Row:
        """The row as another account's: every other column as it is."""
        return {**row, self.table.account: account}

    def writes(self, table_name: str, write_time_us: int) -> list[RowWrites]:
        """What differs from what is stored, each row once; of stored rows only the columns that differ, so that a
        column which somebody else writes meanwhile is left alone."""
        shapes: dict[tuple[bool, Key, Key], RowWrites] = {}
        for account, key in self._changed:
            row, stored = self._rows[account][key], self._stored.get((account, key))
            is_new = stored is None
            changes = self._changes(row, stored or {})
            if not changes and not is_new:
                continue
            put = tuple(column for column in sorted(changes) if column in self.table.maps)
            set_ = tuple(column for column in sorted(changes) if column not in self.table.maps)
            insert = is_new and self.table.insert
            if (insert, set_, put) not in shapes:
                shapes[insert, set_, put] = RowWrites(
                    table_name, self.table.columns_of_key, set_, put, rows=[], insert=insert
                )
            shapes[insert, set_, put].rows.append(
                [
                    *(row[column] for column in self.table.columns_of_key),
                    *(changes[column] for column in (*set_, *put)),
                    write_time_us,
                ]
            )
        return list(shapes.values())

    def _changes(self, row: Row, stored: Row) -> Row:
        changes: Row = {}
        for column, value in row.items():
            if column in self.table.columns_of_key or stored.get(column) == value:
                continue
            if column in self.table.maps:
                before = stored.get(column) or {}
                value = {key: member for key, member in value.items() if before.get(key) != member}
            changes[column] = value
        return changes
