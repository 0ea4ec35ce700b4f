"""The worked examples of the contract (16), through the engine on stores in memory."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.microbatch.service_readers import ContentAnswer
from lern_pipeline_tests.jobs.assessment_aggregator.assessments import (
    AGGREGATES,
    ATTEMPTS,
    CERTIFICATES,
    CONTENT_CACHE,
    E1_MS,
    FAILED,
    STARTED_MS,
    Assessments,
    accounts,
    answer,
    assessed,
    assessment_settings,
    counters,
    example_e1,
)

pytestmark = pytest.mark.contracts

PARAMS = [{"1": '{"text":"A"}'}, {"answer": '{"correct":["1"]}'}]
DETAILS_E1 = (
    '{"attempt_id":"att-1","last_attempted_on":"Jun 3, 2024, 7:33:20 AM","score":1.33,'
    '"content_id":"do_Q1","max_score":2.0,"type":"attempt_metrics"}'
)
SCORES_E1 = {"score:do_Q1": 1.33, "max_score:do_Q1": 2.0, "attempts_count:do_Q1": 1.0}


def test_e1_new_attempt_with_a_changed_answer(assessments: Assessments) -> None:
    result = assessments.run_events(example_e1())
    row = assessments.attempt()
    assert row is not None
    assert {name: row[name] for name in row if name != "question"} == {
        "user_id": "usr-1",
        "course_id": "do_C1",
        "batch_id": "B-77",
        "content_id": "do_Q1",
        "attempt_id": "att-1",
        "last_attempted_on": E1_MS,
        "created_on": STARTED_MS,
        "updated_on": STARTED_MS,
        "total_score": 1.33,
        "total_max_score": 2.0,
        "grand_total": "1.33/2.0",
    }
    common: dict[str, Any] = {"max_score": 1.0, "type": "mcq", "description": "", "params": PARAMS}
    assert assessments.questions() == [
        {
            "id": "q1",
            "score": 1.0,
            "title": "T-q1",
            "duration": "2.5",
            "assess_ts": 1_717_400_009_000,
            "resvalues": [{"1": '{"text":"A"}'}],
            **common,
        },
        {
            "id": "q2",
            "score": 0.33,
            "title": "T-q2",
            "duration": "10.0",
            "assess_ts": 1_717_400_012_000,
            "resvalues": [{"2": '{"text":"B","n":4.0}'}],
            **common,
        },
    ]
    assert assessments.aggregate() == {
        "activity_type": "Course",
        "activity_id": "do_C1",
        "user_id": "usr-1",
        "context_id": "cb:B-77",
        "aggregates": SCORES_E1,
        "agg_last_updated": dict.fromkeys(SCORES_E1, STARTED_MS),
        "agg_details": [DETAILS_E1],
    }
    (request,) = assessments.messages(CERTIFICATES)
    mid = request.pop("mid")
    assert mid.startswith(f"LP.{STARTED_MS}.")
    assert request == {
        "eid": "BE_JOB_REQUEST",
        "ets": STARTED_MS,
        "actor": {"id": "Course Certificate Generator", "type": "System"},
        "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
        "object": {"id": "B-77_do_C1", "type": "CourseCertificateGeneration"},
        "edata": {
            "userIds": ["usr-1"],
            "action": "issue-certificate",
            "iteration": 1,
            "trigger": "auto-issue",
            "batchId": "B-77",
            "courseId": "do_C1",
            "reIssue": False,
            "attemptId": "att-1",
        },
    }
    assert counters(result) == {
        "cache-hit-count": 1,
        "db-update-count": 1,
        "batch-success-event-count": 1,
        "db-score-read-count": 1,
        "db-score-update-count": 1,
        "cert-issue-events-count": 1,
    }


def test_e2_second_worse_attempt(assessments: Assessments) -> None:
    assessments.run_events(example_e1())
    assessments.aggregated(aggregates={"completedCount": 4.0})
    event = assessed([answer("q1", 1, 1), answer("q2", 2, 0)], attemptId="att-0", assessmentTs=1_717_486_400_456)
    assessments.run_events(event)
    row = assessments.attempt("att-0")
    assert row is not None
    assert (row["total_score"], row["grand_total"]) == (1.0, "1.0/2.0")
    aggregate = assessments.aggregate()
    assert aggregate is not None
    assert aggregate["aggregates"] == {**SCORES_E1, "attempts_count:do_Q1": 2.0, "completedCount": 4.0}
    first, second = aggregate["agg_details"]
    assert '"att-0","last_attempted_on":"Jun 4, 2024, 7:33:20 AM","score":1.0,' in first
    assert second == DETAILS_E1
    assert assessments.certificates()[-1] == ("usr-1", "att-0")


@pytest.mark.parametrize("assessment_ts", [E1_MS, E1_MS - 1])
def test_e3_re_sync(assessments: Assessments, assessment_ts: int) -> None:
    assessments.run_events(example_e1())
    state, told = assessments.world.rows.state(), len(assessments.world.broker.published)
    result = assessments.run_events(example_e1(assessmentTs=assessment_ts), now=1_800_000_060.0)
    assert assessments.world.rows.state() == state
    assert len(assessments.world.broker.published) == told
    assert counters(result) == {"db-read-count": 1, "skipped-event-count": 1, "cache-hit-count": 1}
    assert accounts(result) == (0, 1, 0)


def test_e3_a_millisecond_newer(assessments: Assessments) -> None:
    assessments.run_events(example_e1())
    assessments.run_events(example_e1(assessmentTs=E1_MS + 1), now=1_800_000_060.0)
    row = assessments.attempt()
    assert row is not None
    assert (row["created_on"], row["updated_on"]) == (STARTED_MS, STARTED_MS + 60_000)
    assert row["last_attempted_on"] == E1_MS + 1
    assert len(assessments.certificates()) == 2


def test_e4_content_not_in_course(assessments: Assessments) -> None:
    event = example_e1(contentId="do_X")
    result = assessments.run_events(event)
    assert assessments.messages(FAILED) == [event]
    assert counters(result) == {"failed-event-count": 1, "cache-hit-count": 1}
    assert not assessments.world.rows.selects.total()


def content_service(assessments: Assessments, total: object) -> None:
    assessments.settings = assessment_settings(assessment_skip_missingrecords="true")
    assessments.world.contents.answers["do_Q1"] = ContentAnswer(True, "OK", total)


def test_e5_too_many_questions(assessments: Assessments) -> None:
    content_service(assessments, 1)
    event = example_e1()
    result = assessments.run_events(event)
    assert assessments.messages(FAILED) == [event]
    assert not assessments.state()
    assert counters(result) == {
        "cache-hit-count": 2,
        "cache-hit-miss-count": 1,
        "api-hit-success-count": 1,
        "ignored-event-count": 1,
    }


@pytest.mark.parametrize("total", [2, 5, None])
def test_e5_enough_questions(assessments: Assessments, total: object) -> None:
    content_service(assessments, total)
    assessments.run_events(example_e1())
    assert assessments.aggregate() is not None
    assert assessments.certificates() == [("usr-1", "att-1")]


def test_e6_recompute_request_without_attempts(assessments: Assessments) -> None:
    result = assessments.run_events(assessed([], userId="usr-9", attemptId="x"))
    assert not assessments.state()
    assert assessments.certificates() == [("usr-9", "")]
    assert counters(result) == {
        "recompute-agg-event-count": 1,
        "db-score-read-count": 1,
        "cert-issue-events-count": 1,
        "cache-hit-count": 1,
    }


def test_e7_malformed(assessments: Assessments) -> None:
    event = example_e1(assessmentTs=str(E1_MS))
    result = assessments.run_events(event)
    assert not assessments.state()
    assert assessments.messages(FAILED) == [
        {
            **event,
            "flags": {},
            "metadata": {"validation_error": "assessmentTs is not an integer", "src": "AssessmentAggregator"},
        }
    ]
    assert counters(result, "failed-event-count") == {"failed-event-count": 1}


def test_e7_not_json(assessments: Assessments) -> None:
    assessments.publish_value(b"{ oops")
    result = assessments.run()
    (failed,) = assessments.messages(FAILED)
    error = failed["metadata"].pop("validation_error")
    assert error.startswith("not JSON")
    assert failed == {"flags": {}, "metadata": {"src": "AssessmentAggregator", "raw": "{ oops"}}
    assert counters(result) == {"failed-event-count": 1}


def test_e8_two_assessed_contents(assessments: Assessments) -> None:
    assessments.stored("att-1", "do_Q1", total_score=2.0, total_max_score=5.0)
    assessments.stored("att-7", "do_Q2", total_score=1.33, total_max_score=4.0)
    assessments.run_events(assessed([], contentId="do_V1"))
    aggregate = assessments.aggregate()
    assert aggregate is not None
    assert aggregate["aggregates"] == {
        "score:do_Q1": 2.0,
        "max_score:do_Q1": 5.0,
        "attempts_count:do_Q1": 1.0,
        "score:do_Q2": 1.33,
        "max_score:do_Q2": 4.0,
        "attempts_count:do_Q2": 1.0,
    }
    assert len(aggregate["agg_details"]) == 2
    assert assessments.certificates() == [("usr-1", "")]


def test_asa_1_nine_events_in_one_batch(assessments: Assessments) -> None:
    """The existing job's own test (reference tests 2, ASA-1), whatever the cut into batches."""
    for course, content in (("do_C2", "do_Q1"), ("do_C3", "do_Q1"), ("do_C4", "do_Q1")):
        assessments.leaf_nodes(course, content)
    four = [answer("q1", 1, 0), answer("q1", 2, 0), answer("q1", 3, 1), answer("q2", 4, 0.33)]
    changed = [answer("q1", 1, 1), answer("q1", 2, 0), answer("q1x", 3, 1), answer("q2", 4, 1)]
    twice = [answer("qa", ets, score) for ets, score in enumerate((0, 0, 0, 1))]
    result = assessments.run_events(
        assessed(four, assessmentTs=1568891729576),
        assessed([answer("x", 1, 5, item_maxscore=10), answer("y", 2, 0)], assessmentTs=1567073236195),
        assessed(
            [answer("x", 2, 5, item_maxscore=10), answer("x", 1, 0)],
            assessmentTs=1567073236195,
            userId="usr-2",
            courseId="do_C2",
        ),
        assessed([answer("x", 1, 1)], assessmentTs=1578663044164, userId="usr-D", courseId="do_C4"),
        assessed(changed, assessmentTs=1587988642000),
        assessed(
            [*twice, answer("qb", 1, 0), answer("qb", 2, 1)],
            assessmentTs=1569304757079,
            userId="usr-B",
            courseId="do_C3",
        ),
        assessed(four, assessmentTs=1568891729576, courseId="do_unknown", contentId="do_unknown"),
        assessed(four, assessmentTs=1568891729576, contentId="do_foreign"),
        assessed([*four, answer("q5", 5, 0)], assessmentTs=1568891729576, attemptId="att-2"),
    )
    assert counters(result, *result.plan.metrics) == {
        "skipped-event-count": 1,
        "db-read-count": 2,
        "db-update-count": 7,
        "failed-event-count": 1,
        "batch-success-event-count": 7,
        "cache-hit-count": 8,
        "cache-hit-miss-count": 1,
        "db-score-read-count": 7,
        "db-score-update-count": 7,
        "recompute-agg-event-count": 0,
        "ignored-event-count": 0,
        "api-hit-success-count": 0,
        "api-hit-failed-count": 0,
        # One request per learner, course and batch (section 9).
        "cert-issue-events-count": 5,
    }
    rows = {row["attempt_id"]: row for row in assessments.world.rows.rows(ATTEMPTS) if row["course_id"] == "do_C1"}
    assert [(rows[name]["total_score"], rows[name]["total_max_score"]) for name in ("att-1", "att-2")] == [
        (2.0, 3.0),
        (1.33, 3.0),
    ]
    found = {row["activity_id"]: row["aggregates"] for row in assessments.world.rows.rows(AGGREGATES)}
    assert found["do_C1"] == {"score:do_Q1": 2.0, "max_score:do_Q1": 3.0, "attempts_count:do_Q1": 2.0}
    assert found["do_C3"] == {"score:do_Q1": 2.0, "max_score:do_Q1": 2.0, "attempts_count:do_Q1": 1.0}
    assert found["do_C4"] == {"score:do_Q1": 1.0, "max_score:do_Q1": 1.0, "attempts_count:do_Q1": 1.0}


def test_asa_2_questions_are_counted_by_cache_and_service(assessments: Assessments) -> None:
    content_service(assessments, 2)
    assessments.leaf_nodes("do_C1", "do_two", "do_one", "do_Q1")
    assessments.world.caches.database(*CONTENT_CACHE).update(
        do_two='{"totalQuestions":2}', do_one='{"totalQuestions":1}'
    )
    events = [example_e1(contentId=content) for content in ("do_two", "do_Q1", "do_one", "do_Q1")]
    result = assessments.run_events(*events)
    assert accounts(result) == (2, 1, 1)
    assert assessments.messages(FAILED) == [events[2]]
    assert assessments.world.contents.asked == ["do_Q1"]
    assert counters(result, "ignored-event-count") == {"ignored-event-count": 1}


def test_asa_3_an_event_without_answers_recomputes_from_stored_rows(assessments: Assessments) -> None:
    assessments.stored(total_score=3.0, total_max_score=5.0)
    result = assessments.run_events(assessed(..., attemptId=..., assessmentTs=...))
    aggregate = assessments.aggregate()
    assert aggregate is not None
    assert aggregate["aggregates"] == {"score:do_Q1": 3.0, "max_score:do_Q1": 5.0, "attempts_count:do_Q1": 1.0}
    assert counters(result, "recompute-agg-event-count") == {"recompute-agg-event-count": 1}
