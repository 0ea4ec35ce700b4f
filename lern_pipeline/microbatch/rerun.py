"""Running an applied batch again (design 4): recompute with today's state, never count or send twice."""

from __future__ import annotations

from typing import Any

from lern_pipeline.microbatch.plan import Plan, RowWrites

Shape = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...], bool]


def reconcile(plan: Plan, before: Plan, time_columns: frozenset[str]) -> Plan:
    """``plan``, freshly computed for a batch whose plan ``before`` is applied, made safe to apply on top of it.

    * A message that was published is not published again.
    * A row that came out as before, times aside, is written with its old times and its old write timestamp: in
      Cassandra that changes nothing, neither this batch's own row nor what later batches made of it.
    * What was counted stays counted.

    Args:
        time_columns: columns that hold nothing but the time of the computation.
    """
    sent = before.published()
    known: dict[tuple[Shape, tuple[Any, ...]], list[Any]] = {}
    for writes in before.rows:
        for row in writes.rows:
            known[writes.shape, writes.key_of(row)] = row
    for writes in plan.rows:
        compared = _compared_columns(writes, time_columns)
        writes.rows = [
            _older_if_equal(row, known.get((writes.shape, writes.key_of(row))), compared) for row in writes.rows
        ]
    plan.messages = [message for message in plan.messages if message.id not in sent]
    plan.published_before = sorted(sent)
    plan.counted = sorted({*plan.counted, *before.counted})
    return plan


def _compared_columns(writes: RowWrites, time_columns: frozenset[str]) -> list[int]:
    columns = (*writes.key, *writes.set, *writes.put)
    return [index for index, column in enumerate(columns) if column not in time_columns]


def _older_if_equal(row: list[Any], older: list[Any] | None, compared: list[int]) -> list[Any]:
    if older is not None and all(row[index] == older[index] for index in compared):
        return older
    return row
