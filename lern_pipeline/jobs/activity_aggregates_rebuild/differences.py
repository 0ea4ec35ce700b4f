"""Which of the recomputed rows differ from what is stored. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lern_pipeline.jobs.activity_aggregates_rebuild.tally import Change
from lern_pipeline.jobs.course_progress.wiring import TIME_COLUMNS
from lern_pipeline.microbatch.masked_id import masked_id
from lern_pipeline.microbatch.plan import RowWrites

StoredRows = Mapping[tuple[str, tuple[Any, ...]], Mapping[str, Any]]
"""(table, values of the key) → column → value."""


def what_differs(rows: Sequence[RowWrites], stored: StoredRows) -> list[RowWrites]:
    """The rows without those that would change nothing but times."""
    differing = []
    for writes in rows:
        kept = [row for row in writes.rows if any(_changes(writes, row, stored))]
        if kept:
            differing.append(RowWrites(writes.table, writes.key, writes.set, writes.put, kept, writes.insert))
    return differing


def learners_of(rows: Sequence[RowWrites]) -> set[str]:
    """User ids of the rows."""
    return {row[_user_column(writes)] for writes in rows for row in writes.rows}


def changes_of(rows: Sequence[RowWrites], stored: StoredRows) -> Iterator[Change]:
    """What the rows change, column by column, times left out."""
    for writes in rows:
        table = writes.table.rpartition(".")[2]
        activity = writes.key.index("activity_id" if "activity_id" in writes.key else "courseid")
        for row in writes.rows:
            for column, before, after in _changes(writes, row, stored):
                yield Change(masked_id(row[_user_column(writes)]), table, row[activity], column, before, after)


def _changes(writes: RowWrites, row: list[Any], stored: StoredRows) -> Iterator[tuple[str, Any, Any]]:
    before = stored.get((writes.table, writes.key_of(row)), {})
    values = row[len(writes.key) : -1]
    for column, value in zip((*writes.set, *writes.put), values, strict=True):
        if column in TIME_COLUMNS:
            continue
        if column in writes.put:
            entries = before.get(column) or {}
            for name, member in value.items():
                if entries.get(name) != member:
                    yield f"{column}[{name}]", entries.get(name), member
        elif before.get(column) != value:
            yield column, before.get(column), value


def _user_column(writes: RowWrites) -> int:
    return writes.key.index("user_id" if "user_id" in writes.key else "userid")
