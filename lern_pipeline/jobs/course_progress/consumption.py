"""A learner's contents in an enrolment, as stored and as they take part in the computation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

IN_PROGRESS = 1


class StoredConsumption(NamedTuple):
    """A row of ``user_content_consumption``, nulls as None."""

    content_id: str
    status: int | None
    viewcount: int | None
    completedcount: int | None


class Content(NamedTuple):
    """A content in the computation. ``events_for``: the AUDIT events it gives rise to."""

    status: int
    completed_count: int
    view_count: int
    from_input: bool
    events_for: tuple[str, ...]


def contents_of(rows: Iterable[StoredConsumption]) -> dict[str, Content]:
    """Content id → content: a null status counts as in progress, null counters as 0 (contract 4.4)."""
    return {
        row.content_id: Content(
            IN_PROGRESS if row.status is None else row.status, row.completedcount or 0, row.viewcount or 0, False, ()
        )
        for row in rows
    }


def described(contents: Mapping[str, Content]) -> dict[str, dict[str, Any]]:
    """``contents`` of a failed record (contract activity-aggregate-updater 10.6)."""
    return {
        content_id: {
            "contentId": content_id,
            "status": content.status,
            "completedCount": content.completed_count,
            "viewCount": content.view_count,
            "fromInput": content.from_input,
            "eventsFor": list(content.events_for),
        }
        for content_id, content in contents.items()
    }
