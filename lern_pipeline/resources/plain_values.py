"""Rows with whatever columns they have, as values that a plan can hold and that can be bound again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from cassandra.util import Date, SortedSet, Time

from lern_pipeline.errors import ConfigurationError

_EPOCH = datetime(1970, 1, 1)
_MILLISECOND = timedelta(milliseconds=1)
_AS_THEY_ARE = frozenset({str, int, float, bool, bytes, type(None)})
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def plain_rows(table: str, names: Sequence[str], result: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """The result's rows by the columns' names, nulls left out.

    Raises:
        ConfigurationError: a value of a type that cannot be carried over; names the column.
    """
    return [
        {name: _plain(value, table, name) for name, value in zip(names, row, strict=True) if value is not None}
        for row in result
    ]


def _plain(value: Any, table: str, column: str) -> Any:
    kind = type(value)
    if kind is int and not _SMALLEST <= value <= _LARGEST:
        raise ConfigurationError(f"{table}.{column} holds an integer of more than 64 bits, which cannot be copied")
    if kind in _AS_THEY_ARE:
        return value
    if isinstance(value, datetime):
        return round((value - _EPOCH) / _MILLISECOND)
    if isinstance(value, Mapping):
        return {_plain(key, table, column): _plain(member, table, column) for key, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, SortedSet)):
        return [_plain(member, table, column) for member in value]
    if isinstance(value, (Decimal, UUID, Date, Time)):
        return str(value)
    raise ConfigurationError(f"{table}.{column} is of a type that cannot be copied ({kind.__name__})")


def plain_maps(rows: Iterable[tuple[Any, ...]], column_types: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows with dictionaries for the driver's maps, which serialise a key each time they are asked for it."""
    maps = [number for number, kind in enumerate(column_types) if kind.typename == "map"]
    if not maps:
        return list(rows)
    plain: list[tuple[Any, ...]] = []
    for row in rows:
        values = list(row)
        for number in maps:
            if values[number] is not None:
                # Its own list of pairs; going through it the usual way looks every key up.
                values[number] = dict(values[number]._items)
        plain.append(tuple(values))
    return plain


def binder(statement: Any) -> Callable[[list[Any]], Any]:
    """Binds plain values: the driver takes texts for decimals, dates and times, but not for UUIDs."""
    ids = [i for i, column in enumerate(statement.column_metadata) if column.type.typename in ("uuid", "timeuuid")]
    if not ids:
        bind: Callable[[list[Any]], Any] = statement.bind
        return bind

    def with_ids(values: list[Any]) -> Any:
        for index in ids:
            if isinstance(values[index], str):
                values[index] = UUID(values[index])
        return statement.bind(values)

    return with_ids


def sets_lists(statement: Any) -> bool:
    """Whether the statement writes a list as a whole, whose cells get ids of the server's making."""
    return any(column.type.typename == "list" for column in statement.column_metadata)
