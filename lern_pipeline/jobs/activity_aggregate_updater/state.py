"""What the job reads before it decides (contract activity-aggregate-updater 4.1, 4.4, 4.6, 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from lern_pipeline.jobs.activity_aggregate_updater.completion_event import CompletionEvent
from lern_pipeline.jobs.activity_aggregate_updater.consumption import EnrolmentInput, enrolment_inputs
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
class ProgressState:
    """Everything read for one micro-batch.

    ``inputs``: the batch's completions by enrolment; ``collection_status``: only of courses without leaf nodes.
    """

    inputs: dict[EnrolmentKey, EnrolmentInput] = field(default_factory=dict)
    consumption: dict[EnrolmentKey, dict[str, StoredConsumption]] = field(default_factory=dict)
    enrolments: dict[EnrolmentKey, StoredEnrolment] = field(default_factory=dict)
    relations: RelationSets = field(default_factory=lambda: RelationSets({}, {}, {}))
    collection_status: dict[str, StatusFound | StatusUnknown] = field(default_factory=dict)


def read_state(
    events: Sequence[Event[CompletionEvent]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> ProgressState:
    """Each distinct key once, in bulk: checksums, then rows and course sets, then the units' sets."""
    dedup = settings.flag("activity.input.dedup.enabled")
    stored_checksums: set[str] = set()
    if dedup:
        checksums = {completion.checksum for event in events for completion in event.work.completions}
        database = settings.integer("dedup-redis.database.index")
        stored_checksums = readers.caches.existing("dedup-redis", database, checksums)
    state = ProgressState(inputs=enrolment_inputs(events, stored_checksums, dedup, counted))
    if not state.inputs:
        return state
    courses = {enrolment.course_id for enrolment in state.inputs}
    state.relations = read_course_sets(readers.caches, settings, courses)
    missing = {course_id for course_id in courses if not state.relations.leafnodes.get((course_id, course_id))}
    if missing:
        state.collection_status = readers.collections.collection_statuses(missing)
    state.consumption = {
        enrolment: {row.content_id: row for row in rows}
        for enrolment, rows in read_consumption(readers.rows, settings, state.inputs).items()
    }
    if settings.flag("activity.filter.processed.enrolments"):
        with_progress = [enrolment for enrolment in state.inputs if enrolment.course_id not in missing]
        state.enrolments = read_enrolments(readers.rows, settings, with_progress)
    if settings.flag("activity.module.aggs.enabled"):
        contents: dict[str, set[str]] = defaultdict(set)
        for enrolment, input_ in state.inputs.items():
            contents[enrolment.course_id].update(input_.contents)
            contents[enrolment.course_id].update(state.consumption.get(enrolment, ()))
        read_unit_sets(readers.caches, settings, state.relations, contents)
    return state
