"""Learners of a course batch and what is stored of them → aggregates, enrolments, messages. Pure.

The rules are those of enrolment-reconciliation (its contract 5), with one difference: an enrolment that is completed
is never touched, whatever ``activity.filter.processed.enrolments`` says. With the filter off a single event may ask
for a certificate again; a rebuild would ask again for everybody's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.course_progress.consumption import contents_of
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.jobs.course_progress.recomputation import Recomputation
from lern_pipeline.jobs.enrolment_reconciliation.state import ReconciliationState
from lern_pipeline.microbatch.job import Moment
from lern_pipeline.microbatch.plan import Message, RowWrites
from lern_pipeline.settings import JobSettings

# No event asks for a rebuild: the ids of its messages are made from the rebuild's own.
NO_EVENT = Position(0, 0)

NOTHING_CONSUMED = "nothing consumed"
NOT_ENROLLED = "not enrolled"
MISSING_LEAF_NODES = "missing leaf nodes"
RETIRED = "retired course"


@dataclass(slots=True)
class Recomputed:
    """What the rules give. ``left_out``: reason → learners of whom nothing, or no enrolment, was computed."""

    rows: list[RowWrites] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    completed: list[EnrolmentKey] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def recompute(
    enrolments: Sequence[EnrolmentKey], state: ReconciliationState, settings: JobSettings, moment: Moment
) -> Recomputed:
    """Every enrolment once. ``state.enrolments`` holds those that exist."""
    progress = Recomputation(
        state.relations, state.enrolments, state.collection_status, settings, moment, completed_stay=True
    )
    outcome = Recomputed()
    warnings: set[str] = set()
    for enrolment in enrolments:
        if enrolment not in state.enrolments:
            outcome.left_out[NOT_ENROLLED] += 1
            continue
        rows = state.consumption.get(enrolment)
        if not rows:
            outcome.left_out[NOTHING_CONSUMED] += 1
            continue
        if not progress.has_leaf_nodes(enrolment.course_id):
            retired = progress.is_retired(enrolment.course_id)
            outcome.left_out[RETIRED if retired else MISSING_LEAF_NODES] += 1
            warnings.add(progress.missing_leaf_nodes(enrolment, NO_EVENT, {}).error)
            if not retired:
                continue
        statuses = {content_id: content.status for content_id, content in contents_of(rows).items()}
        progress.recompute(enrolment, NO_EVENT, statuses)
    outcome.rows = [writes for writes in progress.rows if writes.rows]
    outcome.messages = progress.messages
    outcome.completed = progress.completed
    outcome.warnings = sorted({*warnings, *progress.warnings})
    return outcome


def messages_of(messages: Sequence[Message], enrolments: Sequence[EnrolmentKey]) -> list[Message]:
    """Those of the messages that are about the enrolments."""
    names = {f"{NO_EVENT}|{user_id}|{course_id}|{batch_id}" for user_id, course_id, batch_id in enrolments}
    return [message for message in messages if message.id.partition("|")[2] in names]
