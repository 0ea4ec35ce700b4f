"""Failed events, and which of several faults of an event decides (contract 4, 8, 11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.service_readers import ContentAnswer, ContentUnusable
from lern_pipeline_tests.jobs.assessment_aggregator.assessments import (
    ATTEMPTS,
    CONTENT_CACHE,
    E1_MS,
    FAILED,
    QUESTION_FIELDS,
    RELATION_CACHE,
    Assessments,
    accounts,
    answer,
    assessed,
    assessment_settings,
    counters,
    example_e1,
)

pytestmark = pytest.mark.contracts

MARKED_C = {"src": "AssessmentAggregator"}


def failed_alone(assessments: Assessments, event: dict[str, Any]) -> dict[str, Any]:
    """The event's failed record; nothing else has happened."""
    result = assessments.run_events(event)
    assert accounts(result) == (0, 0, 1)
    assert not assessments.certificates()
    assert not [row for row in assessments.world.rows.written if row.rows]
    (failed,) = assessments.messages(FAILED)
    return failed


def count_questions(assessments: Assessments, total: object = 1) -> None:
    assessments.settings = assessment_settings(assessment_skip_missingrecords="true")
    assessments.world.contents.answers["do_Q1"] = ContentAnswer(True, "OK", total)


def test_a_foreign_content_goes_on_unchanged_whatever_else_is_wrong(assessments: Assessments) -> None:
    count_questions(assessments)
    event = assessed([{"x": None}, None], contentId="do_X", attemptId=7, mid=None, list=[None, {"n": None}])
    assert failed_alone(assessments, event) == {
        **{name: event[name] for name in ("assessmentTs", "batchId", "courseId", "userId", "attemptId", "contentId")},
        "events": [{}, None],
        "list": [None, {}],
    }
    assert not assessments.world.contents.asked


def test_a_foreign_content_fails_a_recompute_request_too(assessments: Assessments) -> None:
    event = assessed([], contentId="do_X")
    assert failed_alone(assessments, event) == event


@pytest.mark.parametrize("leaf_nodes", [frozenset(), None])
def test_a_course_without_leaf_nodes_takes_any_content(assessments: Assessments, leaf_nodes: Any) -> None:
    there = assessments.world.caches.database(*RELATION_CACHE)
    del there["do_C1:do_C1:leafnodes"]
    result = assessments.run_events(example_e1(contentId="do_X"))
    assert accounts(result) == (1, 0, 0)
    assert counters(result, "cache-hit-miss-count", "cache-hit-count") == {
        "cache-hit-miss-count": 1,
        "cache-hit-count": 0,
    }


def test_leaf_nodes_of_another_type_fail_the_event(assessments: Assessments) -> None:
    assessments.world.caches.database(*RELATION_CACHE)["do_C1:do_C1:leafnodes"] = "text"
    assert failed_alone(assessments, example_e1())["metadata"]["src"] == "AssessmentAggregator"


def test_too_many_questions_come_before_ids_and_times(assessments: Assessments) -> None:
    count_questions(assessments)
    event = example_e1(attemptId=7, assessmentTs="x")
    assert failed_alone(assessments, event) == event


def test_wrong_answers_come_before_too_many_questions(assessments: Assessments) -> None:
    count_questions(assessments)
    assert "metadata" in failed_alone(assessments, assessed([answer("a"), answer("b", score="x")]))
    assert not assessments.world.contents.asked


def test_too_many_questions_come_before_the_time(assessments: Assessments) -> None:
    count_questions(assessments)
    assessments.stored(last_attempted_on=E1_MS + 1)
    assert failed_alone(assessments, example_e1()) == example_e1()


def test_a_cached_total_is_not_asked_for(assessments: Assessments) -> None:
    count_questions(assessments, 9)
    assessments.world.caches.database(*CONTENT_CACHE)["do_Q1"] = '{"totalQuestions":1}'
    assert failed_alone(assessments, example_e1()) == example_e1()
    assert not assessments.world.contents.asked


@pytest.mark.parametrize(
    ("answered", "counted"),
    [
        (ContentAnswer(False, "RESOURCE_NOT_FOUND", None), {"api-hit-failed-count": 1}),
        (ContentUnusable("no JSON"), {}),
        (ContentAnswer(True, "OK", 2.5), {"api-hit-success-count": 1}),
    ],
)
def test_a_content_that_cannot_be_read_fails_only_its_events(
    assessments: Assessments, answered: Any, counted: dict[str, int]
) -> None:
    count_questions(assessments)
    assessments.world.contents.answers = {"do_Q1": answered, "do_V1": ContentAnswer(True, "OK", 2)}
    result = assessments.run_events(example_e1(), example_e1(contentId="do_V1"))
    assert accounts(result) == (1, 0, 1)
    (failed,) = assessments.messages(FAILED)
    assert failed["contentId"] == "do_Q1"
    assert failed["metadata"]["validation_error"]
    api = {name: n for name, n in counters(result).items() if name.startswith("api")}
    assert api == {"api-hit-success-count": 1} | counted | (
        {"api-hit-success-count": 2} if "api-hit-success-count" in counted else {}
    )


def test_a_recompute_request_without_user_is_kind_d(assessments: Assessments) -> None:
    failed = failed_alone(assessments, assessed([], userId=...))
    assert failed["metadata"] == MARKED_C | {"validation_error": "userId is missing", "stage": "aggregate"}
    assert failed["flags"] == {}


def test_flags_and_metadata_that_are_there_stay(assessments: Assessments) -> None:
    failed = failed_alone(
        assessments, example_e1(attemptId=7, flags={"x": 1}, metadata={"a": 1, "validation_error": "old", "n": None})
    )
    assert failed["flags"] == {"x": 1}
    assert failed["metadata"] == MARKED_C | {"a": 1, "validation_error": "attemptId is not a text"}


@pytest.mark.parametrize("metadata", ["x", 1, [], True])
def test_metadata_of_another_type_gives_way(assessments: Assessments, metadata: Any) -> None:
    failed = failed_alone(assessments, example_e1(attemptId=7, metadata=metadata))
    assert failed["metadata"]["src"] == "AssessmentAggregator"


@pytest.mark.parametrize(
    ("mid", "key"), [("LP.1", b"LP.1"), ("", b""), (7, None), (True, None), ({}, None), ([], None), (None, None)]
)
def test_the_key_is_a_mid_that_is_a_text(assessments: Assessments, mid: Any, key: bytes | None) -> None:
    assessments.run_events(example_e1(contentId="do_X", mid=mid), example_e1(attemptId=7, mid=mid))
    assert [message.key for message in assessments.world.broker.published] == [key, key]


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (b"[1]", {"raw": "[1]"}),
        (b"null", {"raw": "null"}),
        (b"", {"raw": ""}),
        (None, {}),
        (b"\xff{}", {"raw_base64": "/3t9"}),
    ],
)
def test_an_unreadable_record_is_kept(assessments: Assessments, value: bytes | None, raw: dict[str, str]) -> None:
    assessments.publish_value(value)
    assert accounts(assessments.run()) == (0, 0, 1)
    (failed,) = assessments.messages(FAILED)
    assert failed["metadata"].pop("validation_error")
    assert failed == {"flags": {}, "metadata": MARKED_C | raw}


def test_an_event_that_cannot_be_written_back_is_kept_as_text(assessments: Assessments) -> None:
    text = json.dumps(example_e1(attemptId=7))[:-1] + ', "huge": ' + "9" * 5000 + "}"
    assessments.publish_value(text.encode())
    assessments.run()
    (failed,) = assessments.messages(FAILED)
    assert failed["metadata"]["raw"] == text


def test_a_header_tells_what_the_platform_puts_into_the_value(assessments: Assessments) -> None:
    assessments.run_events(example_e1(contentId="do_X"))
    (message,) = assessments.world.broker.published
    about = json.loads(dict(message.headers)["failInfo"])
    assert about["jobName"] == "assessment-aggregator"
    assert about["failInfo"]["error"] == "content not in the course"


def test_an_empty_course_id_fails_where_it_is_the_partition_key(assessments: Assessments) -> None:
    assert "metadata" in failed_alone(assessments, example_e1(courseId=""))
    assert accounts(assessments.run_events(assessed([], courseId=""))) == (0, 0, 1)


def test_an_empty_course_id_is_stored_with_the_other_key_layout(assessments: Assessments) -> None:
    assessments.world.rows.partition_keys[ATTEMPTS] = ("user_id", "course_id")
    assert accounts(assessments.run_events(example_e1(courseId=""))) == (1, 0, 0)
    assert assessments.attempt() is not None


def test_questions_are_written_in_the_types_order_of_fields(assessments: Assessments) -> None:
    order = ("duration", "id", "more", "score", *(set(QUESTION_FIELDS) - {"duration", "id", "score"}))
    assessments.world.rows.types["sunbird_courses.question"] = order
    assessments.run_events(assessed([answer("q1", 5)]))
    row = assessments.attempt()
    assert row is not None
    assert row["question"][0][:4] == ["5.0", "q1", None, 1.0]


def test_a_type_without_a_field_is_a_wrong_setting(assessments: Assessments) -> None:
    assessments.world.rows.types["sunbird_courses.question"] = ("id", "score")
    with pytest.raises(ConfigurationError, match="questionudttype"):
        assessments.run_events(example_e1())


def test_two_redis_servers_are_warned_about(assessments: Assessments) -> None:
    assert not assessments.run_events(example_e1()).warnings
    assessments.settings = assessment_settings(redis_meta_host="other")
    (warning,) = assessments.run_events(example_e1()).warnings
    assert "redis-meta (other:6379)" in warning
