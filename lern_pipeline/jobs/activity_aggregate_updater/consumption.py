"""Merging an enrolment's completions with its stored content consumption (contract 4.3, 4.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.activity_aggregate_updater.completion_event import COMPLETED, CompletionEvent
from lern_pipeline.jobs.course_progress.consumption import Content, StoredConsumption, contents_of
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.microbatch.job import Event


@dataclass(slots=True)
class ContentInput:
    """A content named by this batch's events.

    ``times``: how often it is to be counted, 0 where this very batch has counted it before (a rerun).
    ``first``: the event that named it first.
    """

    first: Position
    times: int


@dataclass(slots=True)
class EnrolmentInput:
    """Everything this batch brings for one enrolment.

    ``events``: positions of the events that brought something; ``checksums``: still to be stored, by content;
    ``counted``: units that move counters now or did so before.
    """

    contents: dict[str, ContentInput] = field(default_factory=dict)
    events: list[Position] = field(default_factory=list)
    checksums: dict[str, str] = field(default_factory=dict)
    counted: list[str] = field(default_factory=list)


def enrolment_inputs(
    events: Iterable[Event[CompletionEvent]],
    stored_checksums: set[str],
    dedup: bool,
    counted: frozenset[str],
) -> dict[EnrolmentKey, EnrolmentInput]:
    """The batch's completions by enrolment, duplicates dropped (contract 10.1, D1, D6).

    Args:
        stored_checksums: those of the batch's checksums that the dedup store has.
        dedup: off: every entry counts.
        counted: units that an earlier plan of this batch has counted: they take part, but move no counter again.
    """
    inputs: dict[EnrolmentKey, EnrolmentInput] = {}
    seen: set[str] = set()
    for event in events:
        work = event.work
        for index, completion in enumerate(work.completions):
            unit = f"{event.record.partition}.{event.record.offset}.{index}"
            again = unit in counted
            repeated = completion.checksum in seen
            if dedup and not again and not repeated and completion.checksum in stored_checksums:
                continue
            input_ = inputs.get(work.enrolment)
            if input_ is None:
                input_ = inputs[work.enrolment] = EnrolmentInput()
            if not input_.events or input_.events[-1] != event.position:
                # Also an event whose contents all repeat others of the batch: it shares their fate.
                input_.events.append(event.position)
            if dedup and repeated:
                continue
            seen.add(completion.checksum)
            input_.counted.append(unit)
            if dedup and completion.checksum not in stored_checksums:
                input_.checksums[completion.content_id] = completion.checksum
            times = 0 if again else 1
            content = input_.contents.get(completion.content_id)
            if content is None:
                input_.contents[completion.content_id] = ContentInput(event.position, times)
            else:
                content.times += times
    return inputs


def merge(input_: EnrolmentInput, stored: Iterable[StoredConsumption]) -> dict[str, Content]:
    """Content id → content, of all that is stored or named by the input (contract 4.4)."""
    merged = contents_of(stored)
    for content_id, content in input_.contents.items():
        before = merged.get(content_id)
        status, completed, views = (before.status, before.completed_count, before.view_count) if before else (0, 0, 0)
        events_for = []
        if content.times and not views:
            events_for.append("start")
        if content.times and not completed:
            events_for.append("complete")
        merged[content_id] = Content(
            max(status, COMPLETED), completed + content.times, views + content.times, True, tuple(events_for)
        )
    return merged


def changed(merged: Mapping[str, Content], stored: Mapping[str, StoredConsumption]) -> list[tuple[str, int, int]]:
    """(content id, viewcount, completedcount) of the rows whose counters are not yet what they have to be.

    A null counter of a stored row becomes 0, as the existing system leaves it (D15).
    """
    rows = []
    for content_id, content in merged.items():
        row = stored.get(content_id)
        if row is None or row.viewcount != content.view_count or row.completedcount != content.completed_count:
            rows.append((content_id, content.view_count, content.completed_count))
    return rows
