"""One course's aggregates of two accounts become one, key by key (contract merge-user-courses 4.2, D3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lern_pipeline.jobs.merge_user_courses.learner_tables import Row

COMPLETED_COUNT = "completedCount"
SCORE, MAX_SCORE, ATTEMPTS_COUNT = "score:", "max_score:", "attempts_count:"


def merged_aggregate(f: Row, t: Row | None, to_account: str, now_ms: int) -> Row:
    """The row of ``to_account`` after the merge; ``t``: before, None if there was none.

    Columns that no rule knows are copied with a row that is new, and keep the value of ``t`` else.
    """
    if t is None:
        merged: Row = {**f, "user_id": to_account}
        for column in ("agg", "aggregates", "agg_details", "agg_last_updated"):
            merged.pop(column, None)
        t = {}
    else:
        merged = dict(t)
    before: dict[str, float] = t.get("aggregates") or {}
    aggregates = _aggregates(f.get("aggregates") or {}, before)
    merged["aggregates"] = aggregates
    changed = [key for key, value in aggregates.items() if before.get(key) != value]
    if changed:
        merged["agg_last_updated"] = {**(t.get("agg_last_updated") or {}), **dict.fromkeys(changed, now_ms)}
    agg = _greatest(f.get("agg") or {}, t.get("agg") or {})
    if agg:
        merged["agg"] = agg
    details = t.get("agg_details") or []
    details = [*details, *(entry for entry in f.get("agg_details") or [] if entry not in details)]
    if details:
        merged["agg_details"] = details
    return merged


def _aggregates(f: Mapping[str, float], t: Mapping[str, float]) -> dict[str, float]:
    """Union; where both have a key: the better attempt of an assessment, the greater count; unknown keys of ``t``."""
    merged = {**f, **t}
    merged[COMPLETED_COUNT] = max(f.get(COMPLETED_COUNT, 0.0), t.get(COMPLETED_COUNT, 0.0))
    for key, f_value in f.items():
        if key.startswith(ATTEMPTS_COUNT) and key in t:
            merged[key] = max(f_value, t[key])
    for content_id in {key.removeprefix(SCORE) for key in f if key.startswith(SCORE)}:
        score, max_score = SCORE + content_id, MAX_SCORE + content_id
        if score not in t or f[score] > t[score]:
            merged[score] = f[score]
            if max_score in f:
                merged[max_score] = f[max_score]
    return merged


def _greatest(f: Mapping[str, Any], t: Mapping[str, Any]) -> dict[str, Any]:
    return {**t, **{key: max(value, t.get(key, value)) for key, value in f.items()}}
