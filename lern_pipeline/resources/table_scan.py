"""Reading a whole table in bounded memory: token ranges, some at a time, page by page."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.resources.cassandra_session import OUTAGE, CassandraSession
from lern_pipeline.resources.plain_values import plain_maps

_SMALLEST_TOKEN, _LARGEST_TOKEN = -(2**63), 2**63 - 1
PARTITIONER = "Murmur3Partitioner"

# Small enough that the server looks through one within its time-out, also where hardly any row is wanted.
RANGES = 512
RANGES_AT_A_TIME = 8
ROWS_PER_PAGE = 1000

Range = tuple[int, int]


def scan_table(
    session: CassandraSession,
    table: str,
    columns: Sequence[str],
    partition: str,
    equal: Mapping[str, Any],
    tokens: Range | None = None,
) -> Iterator[list[tuple[Any, ...]]]:
    """See :class:`lern_pipeline.microbatch.stores.RowReader`. At most :data:`RANGES_AT_A_TIME` pages and the one
    that is given are held.

    Raises:
        ServiceUnavailable: no answer in time.
        ConfigurationError: the cluster's tokens are not Murmur3's.
    """
    partitioner = session.answered(lambda connected: session.metadata.partitioner)
    if not str(partitioner).endswith(PARTITIONER):
        raise ConfigurationError(f"Cassandra at {session.address} has partitioner {partitioner}, not {PARTITIONER}")
    query = _query(table, columns, partition, equal)

    def statement(range_: Range) -> Any:
        bound = session.prepare(query).bind((*range_, *equal.values()))
        bound.fetch_size = ROWS_PER_PAGE
        return bound

    waiting: deque[tuple[Range, bytes | None]] = deque(
        (range_, None) for range_ in (token_ranges(RANGES) if tokens is None else [tokens])
    )
    asked: deque[tuple[Range, bytes | None, Any]] = deque()

    def ask_for_more() -> None:
        while waiting and len(asked) < RANGES_AT_A_TIME:
            range_, state = waiting.popleft()
            asked.append((range_, state, _ask(session, statement, range_, state)))

    while waiting or asked:
        ask_for_more()
        range_, state, future = asked.popleft()
        try:
            page = future.result()
        except OUTAGE:
            # The same page again: what it holds must be found once.
            page = _page_again(session, statement, range_, state)
        if page.paging_state is not None:
            waiting.appendleft((range_, page.paging_state))
        # The servers are at work on the next pages while this one is.
        ask_for_more()
        if page.current_rows:
            yield plain_maps(page.current_rows, page.column_types)


def _ask(session: CassandraSession, statement: Any, range_: Range, state: bytes | None) -> Any:
    return session.answered(lambda connected: connected.execute_async(statement(range_), paging_state=state))


def _page_again(session: CassandraSession, statement: Any, range_: Range, state: bytes | None) -> Any:
    return session.answered(lambda connected: connected.execute(statement(range_), paging_state=state))


def token_ranges(count: int) -> list[Range]:
    """The whole ring in ``count`` pieces, each from (included) to (included)."""
    width = (_LARGEST_TOKEN - _SMALLEST_TOKEN + 1) // count
    starts = [_SMALLEST_TOKEN + number * width for number in range(count)]
    return list(zip(starts, [*(start - 1 for start in starts[1:]), _LARGEST_TOKEN], strict=True))


def _query(table: str, columns: Sequence[str], partition: str, equal: Mapping[str, Any]) -> str:
    where = "".join(f" AND {column} = ?" for column in equal)
    filtering = " ALLOW FILTERING" if equal else ""
    return (
        f"SELECT {', '.join(columns)} FROM {table} "
        f"WHERE token({partition}) >= ? AND token({partition}) <= ?{where}{filtering}"
    )
