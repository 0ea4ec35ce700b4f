"""How many questions a content has, by the cache and by the content service (contract 4.1, D8)."""

from __future__ import annotations

import pytest

from lern_pipeline.jobs.assessment_aggregator.total_questions import answered_total, cached_total
from lern_pipeline.microbatch.job import Failure
from lern_pipeline.microbatch.service_readers import ContentAnswer, ContentUnusable
from lern_pipeline.microbatch.stores import WrongType

pytestmark = pytest.mark.rules


@pytest.mark.parametrize(
    ("cached", "total"),
    [
        (None, 0),
        ("", 0),
        ("{}", 0),
        ('{"totalQuestions":2}', 2),
        ('{"total_questions":2}', 2),
        ('{"TOTALQUESTIONS":2}', 2),
        ('{"totalQuestions":1.9}', 1),
        ('{"totalQuestions":0.9}', 0),
        ('{"totalQuestions":-1}', -1),
        ('{"totalQuestions":"2"}', 2),
        ('{"totalQuestions":"-2"}', -2),
        ('{"totalQuestions":" 2 "}', 0),
        ('{"totalQuestions":"2.0"}', 0),
        ('{"totalQuestions":"3000000000"}', 0),
        ('{"totalQuestions":"٢"}', 0),
        ('{"totalQuestions":true}', 0),
        ('{"totalQuestions":null}', 0),
        ('{"totalQuestions":[2]}', 0),
        ('{"totalQuestions":1,"total_questions":2}', 2),
        ('{"totalQuestions":1,"total_questions":""}', 1),
        ('{"result":{"totalQuestions":1}}', 0),
    ],
)
def test_of_the_cache(cached: str | None, total: int) -> None:
    assert cached_total(cached) == total


@pytest.mark.parametrize("cached", ["[1,2]", "7", "null", "{", "x", WrongType.WRONG_TYPE])
def test_a_cached_text_that_is_no_object_fails_the_event(cached: str | WrongType) -> None:
    assert isinstance(cached_total(cached), Failure)


@pytest.mark.parametrize("code", ["OK", "ok", "Ok"])
@pytest.mark.parametrize(
    ("total", "expected"),
    [(None, None), (0, 0), (2, 2), (3_000_000_000, 3_000_000_000), (2.0, 2), ("2", 2), ("-1", -1)],
)
def test_of_the_content_service(code: str, total: object, expected: int | None) -> None:
    assert answered_total("do_Q1", ContentAnswer(True, code, total)) == expected


@pytest.mark.parametrize("total", [2.5, "2.0", "x", "", " 2", True, [], {}])
def test_totals_that_are_no_integers_fail_the_event(total: object) -> None:
    assert isinstance(answered_total("do_Q1", ContentAnswer(True, "OK", total)), Failure)


@pytest.mark.parametrize(
    "answer",
    [ContentAnswer(False, "RESOURCE_NOT_FOUND", None), ContentAnswer(False, "OK", 2), ContentUnusable("no JSON")],
)
def test_the_failed_event_names_the_content(answer: ContentAnswer | ContentUnusable) -> None:
    failure = answered_total("do_Q1", answer)
    assert isinstance(failure, Failure)
    assert (failure.error or "").startswith("Failed to fetch the content meta for the content ID: do_Q1")
    assert "do_Q1" not in failure.reason
