"""The job's decision: enrolments and what is stored of them → aggregates, enrolment, messages (contract 5). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.course_progress.consumption import contents_of, described
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.jobs.course_progress.recomputation import Recomputation
from lern_pipeline.jobs.enrolment_reconciliation.state import ReconciliationState
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.settings import JobSettings


def decide(
    events: Sequence[Event[EnrolmentKey]], state: ReconciliationState, settings: JobSettings, moment: Moment
) -> Decision:
    """Each enrolment once, however many events ask for it; every event counts on its own (8)."""
    positions: dict[EnrolmentKey, list[Position]] = defaultdict(list)
    for event in events:
        positions[event.work].append(event.position)
    progress = Recomputation(state.relations, state.enrolments, state.collection_status, settings, moment)
    decision = Decision()
    for enrolment, asked_at in positions.items():
        rows = state.consumption.get(enrolment)
        if not rows:
            decision.skipped.update((position, "nothing consumed") for position in asked_at)
            continue
        contents = contents_of(rows)
        if not progress.has_leaf_nodes(enrolment.course_id):
            decision.failed_payloads.append(progress.missing_leaf_nodes(enrolment, asked_at[0], described(contents)))
            if not progress.is_retired(enrolment.course_id):
                decision.failed.update((position, Failure("missing leaf nodes")) for position in asked_at)
                decision.failed_without_record.update(asked_at)
                continue
        progress.recompute(
            enrolment, asked_at[0], {content_id: content.status for content_id, content in contents.items()}
        )
    decision.rows = progress.rows
    decision.messages = progress.messages
    decision.warnings = progress.warnings
    decision.metrics = progress.metrics
    return decision
