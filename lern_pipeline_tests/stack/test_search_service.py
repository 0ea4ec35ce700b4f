"""The search service: which answers are tried again, which say something, which stop the batch."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.services import StatusFound, StatusUnknown
from lern_pipeline.resources.search_service import SearchService
from lern_pipeline.settings import load_configuration

pytestmark = pytest.mark.stack

LIVE = {"result": {"count": 1, "content": [{"identifier": "do_1", "status": "Live"}]}}


def service(server: HTTPServer, **environment: str) -> SearchService:
    given = {"LERN_PIPELINE_SERVICE_SEARCH_BASEPATH": server.url_for("/search")} | environment
    settings = load_configuration(None, given).for_job("activity-aggregate-updater")
    return SearchService(settings, Counter())


def answering(server: HTTPServer, *answers: Response | Any) -> None:
    """The answers in order, the last one for ever."""
    left = list(answers)

    def answer(_: Request) -> Response:
        found = left.pop(0) if len(left) > 1 else left[0]
        return found if isinstance(found, Response) else Response(json.dumps(found))

    server.expect_request("/search/v3/search", method="POST").respond_with_handler(answer)


def status_of(server: HTTPServer, collection: str = "do_1") -> StatusFound | StatusUnknown:
    return service(server).collection_statuses([collection])[collection]


def test_a_collection_is_asked_for_as_the_contract_says(httpserver: HTTPServer) -> None:
    answering(httpserver, LIVE)
    assert status_of(httpserver) == StatusFound("Live")
    (request, _), *more = httpserver.log
    assert not more
    assert request.headers["Content-Type"] == "application/json"
    assert request.json == {
        "request": {
            "filters": {"objectType": "Collection", "identifier": "do_1", "status": ["Live", "Unlisted", "Retired"]},
            "fields": ["status"],
        }
    }


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_outage_is_tried_again(httpserver: HTTPServer, status: int) -> None:
    answering(httpserver, Response(status=status), Response(status=status), LIVE)
    assert status_of(httpserver) == StatusFound("Live")
    assert len(httpserver.log) == 3


def test_an_outage_that_lasts_is_an_answer_too(httpserver: HTTPServer) -> None:
    answering(httpserver, Response("whatever it says", status=500))
    assert status_of(httpserver) == StatusUnknown("search service answered 500")
    assert len(httpserver.log) == 3


def test_after_an_outage_the_others_of_the_batch_are_not_asked_for_as_often(httpserver: HTTPServer) -> None:
    answering(httpserver, Response(status=500))
    found = service(httpserver).collection_statuses([f"do_{n}" for n in range(100)])
    assert set(found.values()) == {StatusUnknown("search service answered 500")}
    assert len(httpserver.log) <= 3 * 8


def test_the_next_batch_asks_again_after_an_outage(httpserver: HTTPServer) -> None:
    answering(httpserver, Response(status=500), Response(status=500), Response(status=500), LIVE)
    client = service(httpserver)
    assert isinstance(client.collection_statuses(["do_1"])["do_1"], StatusUnknown)
    assert client.collection_statuses(["do_1"]) == {"do_1": StatusFound("Live")}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_stops_the_batch_and_names_the_setting(httpserver: HTTPServer, status: int) -> None:
    answering(httpserver, Response(status=status))
    with pytest.raises(ConfigurationError, match=r"answers 40[13] .*service\.search\.basePath"):
        status_of(httpserver)
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("status", [201, 204, 301, 400, 404, 410])
def test_another_answer_is_not_tried_again_and_says_nothing(httpserver: HTTPServer, status: int) -> None:
    answering(httpserver, Response(status=status))
    assert status_of(httpserver) == StatusUnknown(f"search service answered {status}")
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Response(""),
        Response("<html>"),
        Response("[]"),
        Response(b"\xff\xfe"),
        Response("{" * 5000),
        Response("[" * 100_000),
        {"result": None},
        {"result": []},
        {"result": {"count": "1", "content": [{"status": "Live"}]}},
        {"result": {"count": 1, "content": "Live"}},
        {"result": {"count": 1, "content": [7]}},
        {"result": {"count": 1, "content": [{"status": 7}]}},
        Response("no gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=lambda answer: str(answer)[:40],
)
def test_an_answer_that_cannot_be_used_fails_only_this_collection(httpserver: HTTPServer, answer: Any) -> None:
    answering(httpserver, answer)
    assert status_of(httpserver) == StatusUnknown("search service gave an answer that cannot be used")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"result": {}},
        {"result": {"count": 0, "content": [{"status": "Live"}]}},
        {"result": {"content": [{"status": "Live"}]}},
        {"result": {"count": 1, "content": []}},
        {"result": {"count": 1}},
    ],
    ids=str,
)
def test_no_hit_is_no_status(httpserver: HTTPServer, answer: Any) -> None:
    answering(httpserver, answer)
    assert status_of(httpserver) == StatusUnknown("search service knows no such collection")


@pytest.mark.parametrize("content", [{}, {"status": None}, {"status": ""}], ids=str)
def test_a_hit_without_status_says_nothing(httpserver: HTTPServer, content: Any) -> None:
    answering(httpserver, {"result": {"count": 1, "content": [content]}})
    assert status_of(httpserver) == StatusUnknown("search service gave no status")


def test_only_the_first_hit_counts(httpserver: HTTPServer) -> None:
    answering(httpserver, {"result": {"count": 2, "content": [{"status": "Retired"}, {"status": "Live"}]}})
    assert status_of(httpserver) == StatusFound("Retired")


def test_each_collection_is_asked_for_once(httpserver: HTTPServer) -> None:
    answering(httpserver, LIVE)
    client = service(httpserver)
    assert set(client.collection_statuses(["do_1", "do_2", "do_1"])) == {"do_1", "do_2"}
    assert len(httpserver.log) == 2
    assert client.counts["http.requests"] == 2


def test_no_collection_asks_nothing(httpserver: HTTPServer) -> None:
    assert service(httpserver).collection_statuses([]) == {}
    assert httpserver.log == []


def test_a_service_that_is_not_there_is_an_answer_too() -> None:
    given = {"LERN_PIPELINE_SERVICE_SEARCH_BASEPATH": "http://127.0.0.1:1/search"}
    settings = load_configuration(None, given).for_job("activity-aggregate-updater")
    found = SearchService(settings, Counter()).collection_statuses(["do_1"])["do_1"]
    assert isinstance(found, StatusUnknown)
    assert found.reason.startswith("search service did not answer")


# --- what is remembered


def test_a_status_is_remembered_by_the_next_batch(httpserver: HTTPServer) -> None:
    answering(httpserver, {"result": {"count": 1, "content": [{"status": "Retired"}]}})
    client = service(httpserver)
    for _ in range(2):
        assert client.collection_statuses(["do_1"]) == {"do_1": StatusFound("Retired")}
    assert len(httpserver.log) == 1


def test_a_remembered_status_expires(httpserver: HTTPServer) -> None:
    answering(httpserver, LIVE)
    client = service(httpserver, LERN_PIPELINE_ACTIVITY_COLLECTION_STATUS_CACHE_EXPIRY="0")
    for _ in range(2):
        client.collection_statuses(["do_1"])
    assert len(httpserver.log) == 2


def test_what_was_not_found_is_not_remembered(httpserver: HTTPServer) -> None:
    answering(httpserver, {"result": {"count": 0}}, LIVE)
    client = service(httpserver)
    assert isinstance(client.collection_statuses(["do_1"])["do_1"], StatusUnknown)
    assert client.collection_statuses(["do_1"]) == {"do_1": StatusFound("Live")}
