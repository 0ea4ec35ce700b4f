"""What the job reads before it decides (contract enrolment-reconciliation 5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lern_pipeline.jobs.course_progress.consumption import StoredConsumption
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey, StoredEnrolment
from lern_pipeline.jobs.course_progress.progress import RelationSets
from lern_pipeline.jobs.course_progress.state import (
    read_consumption,
    read_course_sets,
    read_enrolments,
    read_unit_sets,
)
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.service_readers import StatusFound, StatusUnknown
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings


@dataclass(slots=True)
class ReconciliationState:
    """Everything read for one micro-batch; ``collection_status`` only of courses without leaf nodes."""

    consumption: dict[EnrolmentKey, list[StoredConsumption]] = field(default_factory=dict)
    enrolments: dict[EnrolmentKey, StoredEnrolment] = field(default_factory=dict)
    relations: RelationSets = field(default_factory=lambda: RelationSets({}, {}, {}))
    collection_status: dict[str, StatusFound | StatusUnknown] = field(default_factory=dict)


def read_state(
    events: Sequence[Event[EnrolmentKey]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> ReconciliationState:
    """Several events of one enrolment are one reading (8)."""
    state = read_recomputed_from(dict.fromkeys(event.work for event in events), readers, settings)
    if settings.flag("activity.filter.processed.enrolments"):
        relations = state.relations
        with_progress = [key for key in state.consumption if relations.leafnodes.get((key.course_id, key.course_id))]
        state.enrolments = read_enrolments(readers.rows, settings, with_progress)
    return state


def read_recomputed_from(
    enrolments: Iterable[EnrolmentKey], readers: Readers, settings: JobSettings
) -> ReconciliationState:
    """What progress is recomputed from; ``enrolments`` of the state is left to the caller."""
    consumption = read_consumption(readers.rows, settings, enrolments)
    state = ReconciliationState(consumption)
    if not consumption:
        return state
    courses = {enrolment.course_id for enrolment in consumption}
    state.relations = read_course_sets(readers.caches, settings, courses)
    missing = {course_id for course_id in courses if not state.relations.leafnodes.get((course_id, course_id))}
    if missing:
        state.collection_status = readers.collections.collection_statuses(missing)
    if settings.flag("activity.module.aggs.enabled"):
        contents: dict[str, set[str]] = defaultdict(set)
        for enrolment, rows in consumption.items():
            contents[enrolment.course_id].update(row.content_id for row in rows)
        read_unit_sets(readers.caches, settings, state.relations, contents)
    return state
