"""The text of writes, and the values in its order. Names are this program's or columns'; values are bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cassandra.metadata import protect_name, protect_names

from lern_pipeline.microbatch.plan import RowWrites


def update_statement(writes: RowWrites) -> str:
    """The prepared text for the writes' shape."""
    if writes.insert:
        columns = protect_names((*writes.key, *writes.set))
        marks = ", ".join("?" for _ in columns)
        return f"INSERT INTO {writes.table} ({', '.join(columns)}) VALUES ({marks}) USING TIMESTAMP ?"
    put = protect_names(writes.put)
    changes = [f"{protect_name(column)} = ?" for column in writes.set] + [f"{column} = {column} + ?" for column in put]
    return f"UPDATE {writes.table} USING TIMESTAMP ? SET {', '.join(changes)} WHERE {where(writes.key)}"


def where(key: Iterable[str]) -> str:
    """All of the columns are what is bound."""
    return " AND ".join(f"{column} = ?" for column in protect_names(key))


def parameters(writes: RowWrites, row: list[Any], time_of: Callable[[int], int] | None) -> list[Any]:
    """The row in the order of :func:`update_statement`; ``time_of``: its write time → the one to use in its place."""
    keys, time = len(writes.key), row[-1] if time_of is None else time_of(row[-1])
    if writes.insert:
        return [*row[:-1], time]
    return [time, *row[keys:-1], *row[:keys]]
