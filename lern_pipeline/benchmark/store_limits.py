"""How fast the stores take a batch's reads and writes from a loop that does nothing else.

The rows are those of a plan that the product has carried out, so the loops write exactly the same. One sends every
read and write as a statement of its own, concurrently; the other groups as the product does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cassandra.concurrent import execute_concurrent_with_args

from lern_pipeline.microbatch.plan import Plan
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline.resources.update_statements import parameters, update_statement


@dataclass(frozen=True, slots=True)
class Read:
    """Rows that a batch needs: each key is (*values of the equal columns, value of the within column)."""

    table: str
    columns: Sequence[str]
    equal: Sequence[str]
    within: str
    keys: Sequence[tuple[Any, ...]]


#: Of a plan that the product has carried out, what it had to read from Cassandra.
Reads = Callable[[Plan], Sequence[Read]]


def grouped_seconds(cassandra: Cassandra, redis: RedisServers, plans: Sequence[Plan], reads: Reads) -> float:
    """Seconds of the loop with grouped reads and writes."""

    def loop() -> None:
        for plan in plans:
            for read in reads(plan):
                cassandra.select(read.table, read.columns, read.equal, read.within, read.keys)
            _redis(redis, plan)
            for writes in plan.rows:
                cassandra.apply(writes)

    return _seconds(loop)


def single_seconds(cassandra: Cassandra, redis: RedisServers, plans: Sequence[Plan], reads: Reads) -> float:
    """Seconds of the loop with one prepared statement per read and per written row, as many at a time."""
    session = cassandra.session()

    def run(query: str, arguments: Sequence[Sequence[Any]]) -> None:
        statement = session.prepare(query)
        for _ in execute_concurrent_with_args(session, statement, arguments, concurrency=64, results_generator=True):
            pass

    def loop() -> None:
        for plan in plans:
            for read in reads(plan):
                where = " AND ".join(f"{column} = ?" for column in (*read.equal, read.within))
                run(f"SELECT {', '.join(read.columns)} FROM {read.table} WHERE {where}", read.keys)
            _redis(redis, plan)
            for writes in plan.rows:
                run(update_statement(writes), [parameters(writes, row, None) for row in writes.rows])

    return _seconds(loop)


def _redis(redis: RedisServers, plan: Plan) -> None:
    for writes in plan.last:
        keys = [change.key for transaction in writes.transactions for change in transaction]
        redis.existing(writes.server, writes.database, keys)
        redis.apply(writes)


def _seconds(loop: Callable[[], None]) -> float:
    began = time.perf_counter()
    loop()
    return time.perf_counter() - began
