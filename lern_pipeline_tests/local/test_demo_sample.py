"""The demo's sample is what it says: the jobs' own rules find in it what the demo expects of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from lern_pipeline.events.decoding import UnreadableRecord
from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.activity_aggregate_updater.completion_event import CompletionEvent
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.jobs.merge_user_courses.job import MERGE_USER_COURSES
from lern_pipeline.jobs.relation_cache_updater.hierarchy import relations_of
from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER
from lern_pipeline.local.demo.course import sample_course
from lern_pipeline.local.demo.learners import (
    MERGED_AWAY,
    SampleEvent,
    account_merge,
    completes,
    contents_of,
    learner_ids,
    publication,
    second_account_wave,
    waves,
)

pytestmark = pytest.mark.rules

RUN = "run1"
NOW_MS = 1_800_000_000_000
COURSE = sample_course(RUN)
WAVES = waves(COURSE, RUN, NOW_MS)
SECOND = second_account_wave(COURSE, RUN, NOW_MS)


def outcome(job: Any, event: SampleEvent) -> str:
    """What the job's decoding and validation make of a record."""
    try:
        work = job.validate(job.decode(event.value))
    except (UnreadableRecord, InvalidEvent):
        return "failed"
    return "skipped" if isinstance(work, Skip) else "processed"


@pytest.mark.parametrize(
    ("job", "events"),
    [
        pytest.param(RELATION_CACHE_UPDATER, publication(COURSE, RUN, NOW_MS), id="publication"),
        pytest.param(ACTIVITY_AGGREGATE_UPDATER, WAVES[0].events, id="first wave"),
        pytest.param(ACTIVITY_AGGREGATE_UPDATER, WAVES[1].events, id="second wave"),
        pytest.param(ACTIVITY_AGGREGATE_UPDATER, SECOND.events, id="second account"),
        pytest.param(MERGE_USER_COURSES, [account_merge(RUN, NOW_MS)], id="merge"),
    ],
)
def test_the_job_does_with_every_event_what_the_sample_says(job: Any, events: list[SampleEvent]) -> None:
    assert [outcome(job, event) for event in events] == [event.outcome.name for event in events]


def test_there_are_some_hundred_events_and_some_bad_ones() -> None:
    outcomes = WAVES[0].outcomes + WAVES[1].outcomes
    assert outcomes.total() > 200
    assert 0 < outcomes["failed"] < 10
    assert outcomes["processed"] > outcomes["skipped"] > 0


def test_the_relations_of_the_course_are_those_that_learners_are_measured_by() -> None:
    relations = relations_of(COURSE.id, json.loads(COURSE.hierarchy()))
    assert set(relations.leafnodes[COURSE.id]) == {content.id for content in COURSE.contents}
    required = set(relations.leafnodes[COURSE.id]) - set(relations.optionalnodes[COURSE.id])
    assert required == {content.id for content in COURSE.required}
    assert set(relations.units) == {unit.id for unit in COURSE.all_units}
    nested = COURSE.units[1].units[0]
    assert set(relations.ancestors[nested.contents[0].id]) == {nested.id, COURSE.units[1].id, COURSE.id}


def test_learners_complete_exactly_the_contents_of_their_rows() -> None:
    completed: Counter[tuple[str, str]] = Counter()
    for event in (event for wave in WAVES for event in wave.events if event.outcome.name == "processed"):
        work = ACTIVITY_AGGREGATE_UPDATER.validate(ACTIVITY_AGGREGATE_UPDATER.decode(event.value))
        assert isinstance(work, CompletionEvent)
        assert event.key == work.enrolment.user_id
        completed.update((work.enrolment.user_id, completion.content_id) for completion in work.completions)
    assert set(completed) == {(state.user_id, state.content_id) for wave in WAVES for state in wave.states}
    # Some were sent twice: the answer had been lost.
    assert 0 < sum(count > 1 for count in completed.values()) < 10


def test_some_learners_finish_and_some_do_not() -> None:
    finishers = [completes(COURSE, number) for number in range(len(learner_ids(RUN)))]
    assert finishers[0], "the learner who is shown gets a certificate"
    assert any(finishers)
    assert not all(finishers)


@pytest.mark.parametrize(
    "ids_of",
    [
        lambda run: set(learner_ids(run)),
        lambda run: {sample_course(run).id, sample_course(run).batch_id},
        lambda run: {content.id for content in sample_course(run).contents},
        lambda run: {unit.id for unit in sample_course(run).all_units},
    ],
)
def test_demos_do_not_meet(ids_of: Callable[[str], set[str]]) -> None:
    assert not ids_of("run1") & ids_of("run2")
    assert all("run1" in id_ for id_ in ids_of("run1"))


def test_neither_of_the_two_accounts_completes_the_course_but_both_together_do() -> None:
    first = set(contents_of(COURSE, MERGED_AWAY))
    second = {state.content_id for state in SECOND.states}
    required = {content.id for content in COURSE.required}
    assert not required <= first and not required <= second
    assert required <= first | second
    assert first & second, "one content's views add up"
