"""What the tables say about learners' progress, on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from lern_pipeline.local.demo.course import Content, Course
from lern_pipeline.local.demo.platform_side import Attempt, Progress
from lern_pipeline.local.demo.screen import Screen

STATUS = {None: "none", 0: "not started", 1: "in progress", 2: "completed"}


def show_progress(screen: Screen, course: Course, user_id: str, before: Progress, after: Progress) -> None:
    """One learner's rows."""
    activities = [(course.id, course.name), *((unit.id, unit.name) for unit in course.all_units)]
    screen.heading(f"The progress of {user_id} in Cassandra")
    screen.columns(
        [
            ("", "before", "after"),
            ("user_enrolments",),
            ("status", STATUS[before.enrolment_status], STATUS[after.enrolment_status]),
            (f"progress, of {len(course.required)} required", _text(before.progress), _text(after.progress)),
            ("completed on", _moment(before), _moment(after)),
            ("user_activity_agg, completedCount",),
            *((name, *(_text(at.aggregates.get(id_)) for at in (before, after))) for id_, name in activities),
            ("user_content_consumption, views and completions",),
            *((_title(content), *(_counters(at, content.id) for at in (before, after))) for content in course.contents),
        ]
    )


def show_attempts(
    screen: Screen, course: Course, user_id: str, attempts: Sequence[Attempt], progress: Progress
) -> None:
    """What became of one learner's answers."""
    screen.heading(f"The answers of {user_id} to “{course.assessment.name}”")
    rows: list[tuple[str, ...]] = [("", "score", "of", "grand total"), ("assessment_aggregator, attempts",)]
    rows += [
        (attempt.attempt_id, f"{attempt.total_score:g}", f"{attempt.total_max_score:g}", attempt.grand_total)
        for attempt in attempts
    ]
    rows.append(("user_activity_agg, of all attempts",))
    rows += [(name.partition(":")[0], f"{value:g}", "", "") for name, value in sorted(progress.scores.items())]
    screen.columns(rows)


def show_merge(screen: Screen, course: Course, accounts: Sequence[Progress]) -> None:
    """``accounts``: the old one, the new one before the merge and after."""
    screen.columns(
        [
            ("", "first account", "second account", "second, merged"),
            ("status", *(STATUS[at.enrolment_status] for at in accounts)),
            (f"progress, of {len(course.required)} required", *(_text(at.progress) for at in accounts)),
            ("completedCount", *(_text(at.aggregates.get(course.id)) for at in accounts)),
            ("views and completions",),
            *((_title(content), *(_counters(at, content.id) for at in accounts)) for content in course.contents),
        ]
    )


def _title(content: Content) -> str:
    return f"{content.name} (optional)" if content.optional else content.name


def _counters(progress: Progress, content_id: str) -> str:
    if content_id not in progress.contents:
        return "none"
    _, views, completions = progress.contents[content_id]
    return f"{views or 0} / {completions or 0}"


def _text(value: object) -> str:
    return "none" if value is None else str(value)


def _moment(progress: Progress) -> str:
    moment = progress.completed_on
    return "none" if moment is None else moment.replace(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
