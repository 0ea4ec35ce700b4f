"""The content read API: which answers are tried again, which say something, which stop the batch (D7, decisions 5)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.service_readers import ContentAnswer, ContentUnusable
from lern_pipeline.resources.content_service import ContentService
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.third_party.answers import Answer
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.stack

OK = {"responseCode": "OK", "result": {"content": {"totalQuestions": 2}}}


def service(prefix: str, **environment: str) -> ContentService:
    given = {"LERN_PIPELINE_JOBS_ASSESSMENT_AGGREGATOR__CONTENT_READ_API": prefix} | environment
    return ContentService(load_configuration(None, given).for_job("assessment-aggregator"), Counter())


def read(server: ThirdParty, *answers: Any, content: str = "do_1") -> ContentAnswer | ContentUnusable:
    """What is read where the server gives the answers in order, the last one for ever."""
    server.answer("read", *answers)
    return service(f"{server.address}/read/").read_contents([content, content])[content]


def test_a_content_is_asked_for_once(third_party: ThirdParty) -> None:
    assert read(third_party, OK) == ContentAnswer(True, "OK", 2)
    (request,) = third_party.requests
    assert (request.method, request.path, request.body) == ("GET", "/do_1", None)


@pytest.mark.parametrize("content", ["a b", "a/b", "é?x=1#f", "%2e", "..", "."])
def test_ids_are_one_path_segment(third_party: ThirdParty, content: str) -> None:
    assert read(third_party, OK, content=content) == ContentAnswer(True, "OK", 2)
    (request,) = third_party.requests
    assert not set(request.path.removeprefix("/")) & set("/?# .")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_outage_is_tried_again(third_party: ThirdParty, status: int) -> None:
    assert read(third_party, Answer(status=status), Answer(status=status), OK) == ContentAnswer(True, "OK", 2)
    assert len(third_party.requests) == 3


@pytest.mark.parametrize("lost", [Answer(drop=True), Answer(reset=True)], ids=["dropped", "reset"])
def test_a_lost_connection_is_tried_again(third_party: ThirdParty, lost: Answer) -> None:
    assert read(third_party, lost, lost, OK) == ContentAnswer(True, "OK", 2)
    assert len(third_party.requests) == 3


def test_an_answer_that_takes_too_long_is_no_answer(third_party: ThirdParty) -> None:
    third_party.answer("read", Answer(OK, delay_s=5), OK)
    patient = service(f"{third_party.address}/read/", LERN_PIPELINE_HTTP_READ_TIMEOUT_SECONDS="0.3")
    assert patient.read_contents(["do_1"])["do_1"] == ContentAnswer(True, "OK", 2)
    assert len(third_party.requests) == 2


def test_an_outage_that_lasts_fails_the_batch(third_party: ThirdParty) -> None:
    with pytest.raises(ServiceUnavailable, match=r"content service at .*/read/do_1 .*answered 503"):
        read(third_party, Answer(status=503))
    assert len(third_party.requests) == 3


def test_a_service_that_is_not_there_fails_the_batch() -> None:
    with pytest.raises(ServiceUnavailable, match="did not answer"):
        service("http://127.0.0.1:9/read/", LERN_PIPELINE_HTTP_ATTEMPTS="2").read_contents(["do_1", "do_2"])


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_a_wrong_setting(third_party: ThirdParty, status: int) -> None:
    with pytest.raises(ConfigurationError, match=r"content\.read\.api"):
        read(third_party, Answer(status=status))
    assert len(third_party.requests) == 1


@pytest.mark.parametrize("prefix", ["content/v1/read/", "ftp://x/", "http://:x/"])
def test_an_address_that_is_none_is_a_wrong_setting(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match=r"content\.read\.api"):
        service(prefix).read_contents(["do_1"])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"responseCode": "ok"}, ContentAnswer(True, "ok", None)),
        ({"responseCode": "OK", "result": []}, ContentAnswer(True, "OK", None)),
        ({"responseCode": "OK", "result": {"content": None}}, ContentAnswer(True, "OK", None)),
        (
            Answer({"responseCode": "RESOURCE_NOT_FOUND"}, 404),
            ContentAnswer(False, "RESOURCE_NOT_FOUND", None),
        ),
        (Answer(OK, 400), ContentAnswer(False, "OK", 2)),
    ],
)
def test_answers_that_say_something(third_party: ThirdParty, answer: Any, expected: ContentAnswer) -> None:
    assert read(third_party, answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"responseCode": 1},
        Answer("<html>"),
        Answer(""),
        Answer(b"\xff"),
        Answer("x", 404),
        Answer(b"not zipped", headers={"Content-Encoding": "gzip"}),
    ],
)
def test_answers_that_say_nothing_are_no_outage(third_party: ThirdParty, answer: Any) -> None:
    assert isinstance(read(third_party, answer), ContentUnusable)
    assert len(third_party.requests) == 1
