"""What the job reads before it decides: each account's rows once, in bulk (contract merge-user-courses 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lern_pipeline.jobs.course_progress.rows import ACTIVITY_TYPE, table
from lern_pipeline.jobs.merge_user_courses.learner_tables import Row
from lern_pipeline.jobs.merge_user_courses.ledger import read_ledger
from lern_pipeline.jobs.merge_user_courses.merge_event import Merge
from lern_pipeline.jobs.merge_user_courses.pending import pending
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings


@dataclass(slots=True)
class MergeState:
    """``done``: those of the batch's merges that the ledger has; the rows of all accounts that are merged now."""

    done: set[Merge] = field(default_factory=set)
    consumption: list[Row] = field(default_factory=list)
    enrolments: list[Row] = field(default_factory=list)
    aggregates: list[Row] = field(default_factory=list)


def read_state(
    events: Sequence[Event[Merge]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> MergeState:
    """The ledger, then whole partitions of the accounts, then the aggregates of the courses enrolled in."""
    state = MergeState(read_ledger(readers.rows, settings, (event.work for event in events)))
    merges = pending(events, state.done, counted).merges
    accounts = [(account,) for account in dict.fromkeys(account for merge in merges for account in merge)]
    if not accounts:
        return state
    rows = readers.rows
    state.consumption = rows.select_rows(table(settings, "content_consumption.table"), (), "userid", accounts)
    state.enrolments = rows.select_rows(table(settings, "user_enrolments.table"), (), "userid", accounts)
    state.aggregates = rows.select_rows(
        table(settings, "user_activity_agg.table"),
        ("activity_type", "user_id"),
        "activity_id",
        ((ACTIVITY_TYPE, account, course_id) for account, course_id in aggregates_needed(merges, state.enrolments)),
    )
    return state


def aggregates_needed(merges: Iterable[Merge], enrolments: Iterable[Row]) -> list[tuple[str, str]]:
    """(account, course id) of every aggregate that the merges may read: of both accounts, all courses that the old
    one is enrolled in when its turn comes (4.2, D3)."""
    courses: dict[str, dict[str, None]] = defaultdict(dict)
    for row in enrolments:
        courses[row["userid"]][row["courseid"]] = None
    needed: dict[tuple[str, str], None] = {}
    for merge in merges:
        for course_id in courses[merge.from_account]:
            needed[merge.from_account, course_id] = needed[merge.to_account, course_id] = None
        courses[merge.to_account] |= courses[merge.from_account]
    return list(needed)
