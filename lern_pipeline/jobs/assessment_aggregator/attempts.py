"""The row of an attempt: which event makes it, what is in it (contract assessment-aggregator 4 step 6, 6, 9). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

from lern_pipeline.jobs.assessment_aggregator.assessment_event import AggregateKey, Attempt
from lern_pipeline.jobs.assessment_aggregator.java_text import grand_total
from lern_pipeline.microbatch.plan import RowWrites


class AttemptRow(NamedTuple):
    """What counts of an attempt's row, stored or about to be. Null times are None, null scores 0."""

    last_attempted_on: int | None
    created_on: int | None
    total_score: float
    total_max_score: float


class Comparison(Enum):
    """An event's ``assessmentTs`` against the row's ``last_attempted_on``; a null one is the oldest (D18)."""

    NEWER = "newer"
    EQUAL = "equal"
    OLDER = "older"


def compare(assessment_ts: int, row: AttemptRow | None) -> Comparison:
    """No row is as one that is older."""
    if row is None or row.last_attempted_on is None or assessment_ts > row.last_attempted_on:
        return Comparison.NEWER
    return Comparison.EQUAL if assessment_ts == row.last_attempted_on else Comparison.OLDER


class AttemptWrites:
    """Rows of ``assessment_aggregator`` (6): every column, so that each is replaced. Of several writes of one attempt
    only the last is kept."""

    def __init__(self, table: str, question_fields: Sequence[str], now_ms: int, write_time_us: int) -> None:
        self._table = table
        self._question_fields = question_fields
        self._now_ms = now_ms
        self._write_time_us = write_time_us
        self._rows: dict[tuple[AggregateKey, str, str], list[Any]] = {}

    def add(self, content_id: str, attempt: Attempt, created_on: int) -> None:
        aggregate = attempt.aggregate
        self._rows[aggregate, content_id, attempt.attempt_id] = [
            aggregate.course_id,
            aggregate.batch_id,
            aggregate.user_id,
            content_id,
            attempt.attempt_id,
            attempt.assessment_ts,
            self._now_ms,
            created_on,
            attempt.total_score,
            attempt.total_max_score,
            grand_total(attempt.total_score, attempt.total_max_score),
            [[getattr(question, name, None) for name in self._question_fields] for question in attempt.questions],
            self._write_time_us,
        ]

    @property
    def writes(self) -> RowWrites:
        return RowWrites(
            self._table,
            # All of the primary key in either of its two layouts (3.2).
            key=("course_id", "batch_id", "user_id", "content_id", "attempt_id"),
            set=(
                "last_attempted_on",
                "updated_on",
                "created_on",
                "total_score",
                "total_max_score",
                "grand_total",
                "question",
            ),
            rows=list(self._rows.values()),
        )
