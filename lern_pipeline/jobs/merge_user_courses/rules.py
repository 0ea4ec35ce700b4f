"""The job's decision: merges and the accounts' rows → rows, sync events, ledger (contract merge-user-courses 4, 7, 9).

Pure: no clock, no I/O, no random. The merges are made in memory one after the other, each on what the ones before
left, so that old → new → third in one batch gives the third account the rows of the first. What differs from the
stored rows at the end is the plan: absolute values, one write per row.
"""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.jobs.course_progress.rows import table
from lern_pipeline.jobs.merge_user_courses.aggregates import merged_aggregate
from lern_pipeline.jobs.merge_user_courses.consumption import merged_consumption
from lern_pipeline.jobs.merge_user_courses.date_text import date_reader
from lern_pipeline.jobs.merge_user_courses.learner_tables import AGGREGATES, CONSUMPTION, ENROLMENTS, AccountRows
from lern_pipeline.jobs.merge_user_courses.ledger import ledger_writes
from lern_pipeline.jobs.merge_user_courses.merge_event import Merge
from lern_pipeline.jobs.merge_user_courses.pending import ALREADY_MERGED, pending, sync_events_of, unit
from lern_pipeline.jobs.merge_user_courses.state import MergeState
from lern_pipeline.jobs.merge_user_courses.sync_events import SyncEvents
from lern_pipeline.microbatch.job import Decision, Event, Moment
from lern_pipeline.microbatch.plan import Message, RowWrites
from lern_pipeline.settings import JobSettings


def decide(events: Sequence[Event[Merge]], state: MergeState, settings: JobSettings, moment: Moment) -> Decision:
    """What this micro-batch changes."""
    to_merge = pending(events, state.done, moment.counted)
    accounts = _Accounts(state, settings, moment)
    decision = Decision(skipped=dict.fromkeys(to_merge.repeated, ALREADY_MERGED), counted=to_merge.counted)
    for event in to_merge.events:
        accounts.merge(event.work)
        enrolled = accounts.enrolments_of(event.work.to_account)
        decision.counted.append(unit(event.position, len(enrolled)))
        decision.messages += accounts.sync_events(event, enrolled)
    decision.rows = [*accounts.writes(), ledger_writes(settings, to_merge.merges, moment)]
    decision.metrics = {"db-update-user-course-batch": float(sum(map(sync_events_of, decision.counted)))}
    return decision


class _Accounts:
    """All accounts of the batch, as the merges so far leave them."""

    def __init__(self, state: MergeState, settings: JobSettings, moment: Moment) -> None:
        self._consumption = AccountRows(CONSUMPTION, state.consumption)
        self._aggregates = AccountRows(AGGREGATES, state.aggregates)
        self._enrolments = AccountRows(ENROLMENTS, state.enrolments)
        self._settings = settings
        self._moment = moment
        self._date_of = date_reader(settings.text("course.date.format"))
        self._sync_events = SyncEvents(
            settings.text("kafka.output.course.batch.updater.topic"),
            settings.optional_text("kafka.output.enrolment.sync.topic"),
            moment,
        )

    def merge(self, merge: Merge) -> None:
        """In the contract's order: aggregates come before the enrolments that they depend on are copied."""
        self._merge_consumption(*merge)
        self._merge_aggregates(*merge)
        self._copy_enrolments(*merge)

    def enrolments_of(self, account: str) -> list[tuple[str, ...]]:
        """(course id, batch id) of every enrolment, in clustering order."""
        return sorted(self._enrolments.of(account))

    def sync_events(self, event: Event[Merge], enrolled: Sequence[tuple[str, ...]]) -> list[Message]:
        make = self._sync_events.of
        to_account = event.work.to_account
        return [
            message
            for course_id, batch_id in enrolled
            for message in make(event.position, to_account, course_id, batch_id)
        ]

    def writes(self) -> list[RowWrites]:
        """Consumption, aggregates, enrolments."""
        time = self._moment.write_time_us
        return [
            *self._consumption.writes(table(self._settings, "content_consumption.table"), time),
            *self._aggregates.writes(table(self._settings, "user_activity_agg.table"), time),
            *self._enrolments.writes(table(self._settings, "user_enrolments.table"), time),
        ]

    def _merge_consumption(self, from_account: str, to_account: str) -> None:
        rows = self._consumption
        for key, f in rows.of(from_account).items():
            t = rows.of(to_account).get(key)
            merged = rows.copied(f, to_account) if t is None else merged_consumption(f, t, self._date_of)
            rows.put(to_account, key, merged)

    def _merge_aggregates(self, from_account: str, to_account: str) -> None:
        rows = self._aggregates
        courses = {course_id for course_id, _ in self._enrolments.of(from_account)}
        for key, f in rows.of(from_account).items():
            if key[0] in courses:
                t = rows.of(to_account).get(key)
                rows.put(to_account, key, merged_aggregate(f, t, to_account, self._moment.now_ms))

    def _copy_enrolments(self, from_account: str, to_account: str) -> None:
        rows = self._enrolments
        for key, f in rows.of(from_account).items():
            if key not in rows.of(to_account):
                rows.put(to_account, key, rows.copied(f, to_account))
