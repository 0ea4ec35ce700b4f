"""From the attempts of one learner, course and batch to best scores and details (contract assessment-aggregator 7).
Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from lern_pipeline.jobs.assessment_aggregator.assessment_event import AggregateKey
from lern_pipeline.jobs.assessment_aggregator.attempts import AttemptRow
from lern_pipeline.jobs.assessment_aggregator.java_text import date_text, java_double, json_string
from lern_pipeline.microbatch.plan import RowWrites

ACTIVITY_TYPE = "Course"

#: (content id, attempt id) → the attempt's row.
AttemptRows = Mapping[tuple[str, str], AttemptRow]


class Aggregates(NamedTuple):
    """``scores``: entries of the map ``aggregates``; ``attempt_id``: for the certificate request, empty if unsure."""

    scores: dict[str, float]
    details: list[str]
    attempt_id: str


def aggregates(rows: AttemptRows, details_type: str) -> Aggregates:
    """Of all attempts of one aggregate key."""
    by_content: dict[str, list[tuple[str, AttemptRow]]] = {}
    details = []
    # The order of both key layouts: by content, then attempt.
    for content_id, attempt_id in sorted(rows):
        row = rows[content_id, attempt_id]
        by_content.setdefault(content_id, []).append((attempt_id, row))
        details.append(_details(content_id, attempt_id, row, details_type))
    scores: dict[str, float] = {}
    for content_id, attempts in by_content.items():
        scores |= content_scores(content_id, [row for _, row in attempts])
    return Aggregates(scores, details, _latest_attempt(by_content))


def content_scores(content_id: str, attempts: list[AttemptRow]) -> dict[str, float]:
    """Best score, the maximum of that same attempt (D12), and the number of attempts; of equal ones the first."""
    best = max(attempts, key=lambda row: row.total_score)
    return {
        f"score:{content_id}": best.total_score,
        f"max_score:{content_id}": best.total_max_score,
        f"attempts_count:{content_id}": float(len(attempts)),
    }


def stored_score(value: float | None) -> float:
    """A stored score; null counts as 0. So does what the existing job stored for the text ``"NaN"`` or ``"Infinity"``:
    one such row must not keep the learner's other attempts from being aggregated (D25)."""
    return value if value is not None and math.isfinite(value) else 0.0


def _latest_attempt(by_content: Mapping[str, list[tuple[str, AttemptRow]]]) -> str:
    """Of a single content the latest attempt: by the stored milliseconds, null as oldest, of equal ones the first
    (D17, D18)."""
    if len(by_content) != 1:
        return ""
    (attempts,) = by_content.values()

    def time(attempt: tuple[str, AttemptRow]) -> float:
        last_attempted_on = attempt[1].last_attempted_on
        return -math.inf if last_attempted_on is None else last_attempted_on

    return max(attempts, key=time)[0]


def _details(content_id: str, attempt_id: str, row: AttemptRow, details_type: str) -> str:
    when = ""
    if row.last_attempted_on is not None:
        when = f'"last_attempted_on":{json_string(date_text(row.last_attempted_on))},'
    return (
        f'{{"attempt_id":{json_string(attempt_id)},{when}"score":{java_double(row.total_score)},'
        f'"content_id":{json_string(content_id)},"max_score":{java_double(row.total_max_score)},'
        f'"type":{json_string(details_type)}}}'
    )


def context_id(batch_id: str) -> str:
    """``context_id`` of the rows of a batch."""
    return f"cb:{batch_id}"


class AggregateWrites:
    """Rows of ``user_activity_agg`` (7 step 4): entries of the maps are added, the details replaced."""

    def __init__(self, table: str, now_ms: int, write_time_us: int) -> None:
        self.writes = RowWrites(
            table,
            key=("activity_type", "activity_id", "user_id", "context_id"),
            set=("agg_details",),
            put=("aggregates", "agg_last_updated"),
            rows=[],
        )
        self._now_ms = now_ms
        self._write_time_us = write_time_us

    def add(self, key: AggregateKey, computed: Aggregates) -> None:
        self.writes.rows.append(
            [
                ACTIVITY_TYPE,
                key.course_id,
                key.user_id,
                context_id(key.batch_id),
                computed.details,
                computed.scores,
                dict.fromkeys(computed.scores, self._now_ms),
                self._write_time_us,
            ]
        )
