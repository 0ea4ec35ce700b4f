"""The content read API: which answers are tried again, which say something, which stop the batch (D7, decisions 5)."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.services import ContentAnswer, ContentUnusable
from lern_pipeline.resources.content_service import ContentService
from lern_pipeline.settings import load_configuration

pytestmark = pytest.mark.stack

OK = {"responseCode": "OK", "result": {"content": {"totalQuestions": 2}}}


def service(prefix: str, **environment: str) -> ContentService:
    given = {"LERN_PIPELINE_JOBS_ASSESSMENT_AGGREGATOR__CONTENT_READ_API": prefix} | environment
    return ContentService(load_configuration(None, given).for_job("assessment-aggregator"), Counter())


def read(server: HTTPServer, *answers: Response | Any, content: str = "do_1") -> ContentAnswer | ContentUnusable:
    """What is read where the server gives the answers in order, the last one for ever."""
    left = list(answers)

    def answer(_: Request) -> Response:
        found = left.pop(0) if len(left) > 1 else left[0]
        return found if isinstance(found, Response) else Response(json.dumps(found))

    server.expect_request(f"/read/{content}").respond_with_handler(answer)
    return service(server.url_for("/read/")).read_contents([content, content])[content]


def test_a_content_is_asked_for_once(httpserver: HTTPServer) -> None:
    assert read(httpserver, OK) == ContentAnswer(True, "OK", 2)
    (request, _), *more = httpserver.log
    assert not more
    assert (request.method, request.data) == ("GET", b"")


@pytest.mark.parametrize("content", ["a b", "a/b", "é?x=1#f", "%2e", "..", "."])
def test_ids_are_one_path_segment(httpserver: HTTPServer, content: str) -> None:
    seen = []

    def answer(request: Request) -> Response:
        seen.append(request.environ["RAW_URI"])
        return Response(json.dumps(OK))

    httpserver.expect_request(object_uri()).respond_with_handler(answer)
    assert service(httpserver.url_for("/read/")).read_contents([content])[content] == ContentAnswer(True, "OK", 2)
    (uri,) = seen
    assert uri.startswith("/read/")
    assert not set(uri.removeprefix("/read/")) & set("/?# .")


def object_uri() -> Any:
    """Matches any path."""

    class Anything(str):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    return Anything("/")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_outage_is_tried_again(httpserver: HTTPServer, status: int) -> None:
    assert read(httpserver, Response(status=status), Response(status=status), OK) == ContentAnswer(True, "OK", 2)
    assert len(httpserver.log) == 3


def test_an_outage_that_lasts_fails_the_batch(httpserver: HTTPServer) -> None:
    with pytest.raises(ServiceUnavailable, match=r"content service at .*/read/do_1 .*answered 503"):
        read(httpserver, Response(status=503))
    assert len(httpserver.log) == 3


def test_a_service_that_is_not_there_fails_the_batch() -> None:
    with pytest.raises(ServiceUnavailable, match="did not answer"):
        service("http://127.0.0.1:9/read/", LERN_PIPELINE_HTTP_ATTEMPTS="2").read_contents(["do_1", "do_2"])


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_a_wrong_setting(httpserver: HTTPServer, status: int) -> None:
    with pytest.raises(ConfigurationError, match=r"content\.read\.api"):
        read(httpserver, Response(status=status))
    assert len(httpserver.log) == 1


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
            Response(json.dumps({"responseCode": "RESOURCE_NOT_FOUND"}), 404),
            ContentAnswer(False, "RESOURCE_NOT_FOUND", None),
        ),
        (Response(json.dumps(OK), 400), ContentAnswer(False, "OK", 2)),
    ],
)
def test_answers_that_say_something(httpserver: HTTPServer, answer: Any, expected: ContentAnswer) -> None:
    assert read(httpserver, answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"responseCode": 1},
        Response("<html>"),
        Response(""),
        Response(b"\xff"),
        Response("x", 404),
        Response(b"not zipped", headers={"Content-Encoding": "gzip"}),
    ],
)
def test_answers_that_say_nothing_are_no_outage(httpserver: HTTPServer, answer: Any) -> None:
    assert isinstance(read(httpserver, answer), ContentUnusable)
    assert len(httpserver.log) == 1
