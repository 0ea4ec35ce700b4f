"""What the engine and the jobs ask of Cassandra, Redis and MongoDB, as protocols: clients are handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import CacheChange, CacheWrites, DocumentUpdates, RowWrites


class Client(Protocol):
    """Something with connections."""

    def close(self) -> None:
        """Close what was opened; the next use connects again."""
        ...


class RowReader(Protocol):
    """Bulk reads from Cassandra."""

    def has_keyspace(self, keyspace: str) -> bool:
        """Whether the keyspace exists."""
        ...

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
        """Rows of ``keys``, each distinct key asked for once.

        A key is ``(*values of the equal columns, value of the within column)``; keys that agree in the equal
        columns are read together (``within IN ?``), at most ``group_size`` of one replica at a time. Those of
        ``columns`` that stand in ``times`` come as epoch milliseconds, exact and whatever the year.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        ...

    def select_rows(
        self,
        table: str,
        equal: Sequence[str],
        within: str,
        keys: Iterable[tuple[Any, ...]],
        group_size: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """As :meth:`select`, but by name, and every column that the table has, or those of ``columns``; nulls are left
        out.

        The values can be stored in a plan and written back as they are: times are epoch milliseconds, collections
        lists and dicts.

        Raises:
            ConfigurationError: a column of a type that cannot be carried over.
        """
        ...

    def column_types(self, table: str) -> dict[str, str]:
        """Name and CQL type of every column, key columns included.

        Raises:
            ConfigurationError: no such table.
        """
        ...

    def select_each(
        self, table: str, columns: Sequence[str], column: str, values: Iterable[str]
    ) -> list[tuple[Any, ...]]:
        """Rows whose ``column``, which has an index or is the partition key, is one of ``values``: a read for each.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        ...

    def scan(
        self,
        table: str,
        columns: Sequence[str],
        partition: str,
        equal: Mapping[str, Any],
        tokens: tuple[int, int] | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Every row of a table, page by page, in no order; each once, and only some pages are held at a time.

        Costs the servers a look at the whole table. With ``tokens``, the first and the last that are wanted, it costs
        a look at these, and the rows come in the order of their tokens. ``partition``: the partition key's one column;
        ``equal``: clustering column → the value that is wanted.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        ...

    def tokens(self, keys: Iterable[str]) -> list[int]:
        """Where the ring has rows whose partition key is this one text. Asks no server."""
        ...

    def ensure_table(self, table: OwnTable) -> None:
        """Make a table of the pipeline's own, and its keyspace, unless they are there.

        Raises:
            ConfigurationError: the user may not; names the statements for an operator to run.
        """
        ...

    def partition_key(self, table: str) -> tuple[str, ...]:
        """Columns of the table's partition key: some tables have two layouts in the field (platform P2).

        Raises:
            ConfigurationError: no such table.
        """
        ...

    def primary_key(self, table: str) -> tuple[str, ...]:
        """Columns of the table's primary key, those of the partition key first.

        Raises:
            ConfigurationError: no such table.
        """
        ...

    def type_fields(self, keyspace: str, type_name: str) -> tuple[str, ...]:
        """Fields of a user-defined type, in the order in which values are written.

        Raises:
            ConfigurationError: no such type.
        """
        ...


class RowStore(RowReader, Client, Protocol):
    """Cassandra as the engine uses it."""

    def apply(self, writes: RowWrites) -> None:
        """Write all rows, grouped and concurrently; returns when every one is acknowledged."""
        ...

    def update_if_exists(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        """Set columns of one row, unless it is not there (``IF EXISTS``). False: it is not.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        ...

    def delete_if_exists(self, table: str, key: Mapping[str, Any]) -> bool:
        """Delete one row (``IF EXISTS``). False: it was not there.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        ...

    def delete_if_holds(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        """Delete one row while its columns hold these values (``IF column = value``). False: it was not there, or
        holds others.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        ...


class WrongType(Enum):
    """The key holds something of another type than what was asked for."""

    WRONG_TYPE = "wrong type"


class CacheReader(Protocol):
    """Bulk reads from one Redis server's databases."""

    def sets(self, server: str, database: int, keys: Iterable[str]) -> dict[str, frozenset[str]]:
        """Members of each distinct key. Missing, or not a set: empty."""
        ...

    def members(self, server: str, database: int, keys: Iterable[str]) -> dict[str, frozenset[str] | WrongType]:
        """As :meth:`sets`, for jobs to which a key that is not a set is not the same as an empty one."""
        ...

    def texts(self, server: str, database: int, keys: Iterable[str]) -> dict[str, str | WrongType | None]:
        """The string under each distinct key; None where there is none."""
        ...

    def hashes(self, server: str, database: int, keys: Iterable[str]) -> dict[str, dict[str, str] | WrongType]:
        """Fields and values of the hash under each distinct key; empty where there is none."""
        ...

    def existing(self, server: str, database: int, keys: Iterable[str]) -> set[str]:
        """Those of ``keys`` that exist."""
        ...


HashChanges = Callable[[Mapping[str, dict[str, str] | WrongType]], Sequence[CacheChange]]


class CacheStore(CacheReader, Client, Protocol):
    """Redis as the engine uses it."""

    def apply(self, writes: CacheWrites) -> None:
        """Carry out all transactions, in order."""
        ...

    def change_hashes(self, server: str, database: int, keys: Sequence[str], changes: HashChanges) -> None:
        """Carry out ``changes(the hashes under keys)`` in one transaction, if nobody touches any of the keys between
        reading and writing; else read again and ask ``changes`` again, in the end key by key.

        Raises:
            ServiceUnavailable: no answer in time, or a key that does not come to rest.
        """
        ...

    def keys(self, server: str, database: int, pattern: str, count: int) -> Iterator[list[str]]:
        """All keys that match, some at a time and in no order; a key may come twice. ``count``: Redis looks at about
        so many at once."""
        ...

    def random_keys(self, server: str, database: int, count: int) -> set[str]:
        """At most so many keys of the database."""
        ...

    def hash_fields(
        self, server: str, database: int, keys: Iterable[str], fields: Sequence[str]
    ) -> dict[str, tuple[str | None, ...]]:
        """Values of ``fields`` for each distinct key that holds a hash or nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """MongoDB does not make an update: of ``value`` in ``collection``. ``reason`` names its error code and holds
    nothing of the document."""

    collection: str
    value: Any
    reason: str


class DocumentReader(Protocol):
    """Bulk reads from MongoDB."""

    def find(
        self, server: str, collection: str, member: str, values: Iterable[Any], members: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Documents whose ``member`` holds one of ``values``, each distinct value asked for once, in MongoDB's order.

        They have ``members`` (``_id`` only where it is asked for) in canonical extended JSON, and values are given in
        it: an ObjectId is ``{"$oid": …}``.

        Raises:
            ServiceUnavailable: no answer in time.
        """
        ...


class DocumentStore(DocumentReader, Client, Protocol):
    """MongoDB as the engine uses it."""

    def apply(self, updates: DocumentUpdates) -> list[Refusal]:
        """Make all updates, in order and in one bulk write; returns when every one is acknowledged.

        Where one is refused, they are made for fewer and fewer values, so that only the refused values' are left out.

        Raises:
            ServiceUnavailable: no answer in time; what was updated so far may be updated again.
        """
        ...
