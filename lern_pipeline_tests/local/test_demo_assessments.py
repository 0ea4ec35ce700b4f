"""The demo's answers come to the attempts and scores that the demo expects, in the job itself on stores in memory."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lern_pipeline.local.demo.assessments import QUESTIONS, assessments
from lern_pipeline.local.demo.course import sample_course
from lern_pipeline.local.demo.learners import contents_of, learner_ids
from lern_pipeline.microbatch.service_readers import ContentAnswer
from lern_pipeline_tests.jobs.assessment_aggregator.assessments import (
    ATTEMPTS,
    Assessments,
    accounts,
    assessment_settings,
)

pytestmark = pytest.mark.rules

RUN = "run1"
NOW_MS = 1_800_000_000_000
COURSE = sample_course(RUN)


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("partitions", [1, 2])
def test_the_job_makes_of_the_answers_what_the_sample_says(tmp_path: Path, counted: bool, partitions: int) -> None:
    sample = assessments(COURSE, RUN, NOW_MS, counted)
    job = Assessments(str(tmp_path), assessment_settings(assessment_skip_missingrecords=str(counted).lower()))
    job.leaf_nodes(COURSE.id, *(content.id for content in COURSE.contents))
    job.world.contents.answers[COURSE.assessment.id] = ContentAnswer(True, "OK", len(QUESTIONS))
    for number, event in enumerate(sample.events):
        # Without a key they go to any partition.
        job.publish_value(event.value, number % partitions)
    expected = Counter(event.outcome.name for event in sample.events)
    assert accounts(job.run()) == (expected["processed"], expected["skipped"], expected["failed"])
    stored: dict[str, list[float]] = {}
    for row in sorted(job.world.rows.state()[ATTEMPTS], key=lambda row: str(row["attempt_id"])):
        stored.setdefault(row["user_id"], []).append(row["total_score"])
    assert stored == sample.scores


def test_who_comes_as_far_as_the_assessment_answers_it_and_some_do_so_twice() -> None:
    scores = assessments(COURSE, RUN, NOW_MS, True).scores
    ids = learner_ids(RUN)
    assert set(scores) == {
        user_id for number, user_id in enumerate(ids) if COURSE.assessment.id in contents_of(COURSE, number)
    }
    assert len(scores[ids[0]]) == 2, "the learner who is shown tries again"
    assert scores[ids[0]][0] < scores[ids[0]][1], "and is better then"
    assert {len(attempts) for attempts in scores.values()} == {1, 2}


def test_questions_beyond_those_of_the_content_are_sent_only_where_they_are_counted() -> None:
    reasons = [
        {event.outcome.why for event in assessments(COURSE, RUN, NOW_MS, counted).events} for counted in (True, False)
    ]
    assert reasons[0] - reasons[1] == {"more questions than the content has"}
