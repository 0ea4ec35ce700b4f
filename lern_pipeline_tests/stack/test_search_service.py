"""The search service: which answers are tried again, which say something, which stop the batch."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.service_readers import StatusFound, StatusUnknown
from lern_pipeline.resources.search_service import SearchService
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.third_party.answers import Answer
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.stack

LIVE = {"result": {"count": 1, "content": [{"identifier": "do_1", "status": "Live"}]}}


def service(server: ThirdParty, **environment: str) -> SearchService:
    given = {"LERN_PIPELINE_SERVICE_SEARCH_BASEPATH": f"{server.address}/search"} | environment
    settings = load_configuration(None, given).for_job("activity-aggregate-updater")
    return SearchService(settings, Counter())


def status_of(server: ThirdParty, collection: str = "do_1") -> StatusFound | StatusUnknown:
    return service(server).collection_statuses([collection])[collection]


def test_a_collection_is_asked_for_as_the_contract_says(third_party: ThirdParty) -> None:
    third_party.answer("search", LIVE)
    assert status_of(third_party) == StatusFound("Live")
    (request,) = third_party.requests
    assert (request.method, request.path) == ("POST", "/v3/search")
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == {
        "request": {
            "filters": {"objectType": "Collection", "identifier": "do_1", "status": ["Live", "Unlisted", "Retired"]},
            "fields": ["status"],
        }
    }


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_outage_is_tried_again(third_party: ThirdParty, status: int) -> None:
    third_party.answer("search", Answer(status=status), Answer(status=status), LIVE)
    assert status_of(third_party) == StatusFound("Live")
    assert len(third_party.requests) == 3


@pytest.mark.parametrize("lost", [Answer(drop=True), Answer(reset=True)], ids=["dropped", "reset"])
def test_a_lost_connection_is_tried_again(third_party: ThirdParty, lost: Answer) -> None:
    third_party.answer("search", lost, lost, LIVE)
    assert status_of(third_party) == StatusFound("Live")
    assert len(third_party.requests) == 3


def test_an_outage_that_lasts_is_an_answer_too(third_party: ThirdParty) -> None:
    third_party.answer("search", Answer("whatever it says", status=500))
    assert status_of(third_party) == StatusUnknown("search service answered 500")
    assert len(third_party.requests) == 3


def test_after_an_outage_the_others_of_the_batch_are_not_asked_for_as_often(third_party: ThirdParty) -> None:
    third_party.answer("search", Answer(status=500))
    found = service(third_party).collection_statuses([f"do_{n}" for n in range(100)])
    assert set(found.values()) == {StatusUnknown("search service answered 500")}
    assert len(third_party.requests) <= 3 * 8


def test_the_next_batch_asks_again_after_an_outage(third_party: ThirdParty) -> None:
    third_party.answer("search", Answer(status=500), Answer(status=500), Answer(status=500), LIVE)
    client = service(third_party)
    assert isinstance(client.collection_statuses(["do_1"])["do_1"], StatusUnknown)
    assert client.collection_statuses(["do_1"]) == {"do_1": StatusFound("Live")}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_stops_the_batch_and_names_the_setting(third_party: ThirdParty, status: int) -> None:
    third_party.answer("search", Answer(status=status))
    with pytest.raises(ConfigurationError, match=r"answers 40[13] .*service\.search\.basePath"):
        status_of(third_party)
    assert len(third_party.requests) == 1


@pytest.mark.parametrize("status", [201, 204, 301, 400, 404, 410])
def test_another_answer_is_not_tried_again_and_says_nothing(third_party: ThirdParty, status: int) -> None:
    third_party.answer("search", Answer(status=status))
    assert status_of(third_party) == StatusUnknown(f"search service answered {status}")
    assert len(third_party.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(""),
        Answer("<html>"),
        Answer("[]"),
        Answer(b"\xff\xfe"),
        Answer("{" * 5000),
        Answer("[" * 100_000),
        {"result": None},
        {"result": []},
        {"result": {"count": "1", "content": [{"status": "Live"}]}},
        {"result": {"count": 1, "content": "Live"}},
        {"result": {"count": 1, "content": [7]}},
        {"result": {"count": 1, "content": [{"status": 7}]}},
        Answer("no gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=lambda answer: str(answer)[:40],
)
def test_an_answer_that_cannot_be_used_fails_only_this_collection(third_party: ThirdParty, answer: Any) -> None:
    third_party.answer("search", answer)
    assert status_of(third_party) == StatusUnknown("search service gave an answer that cannot be used")


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
def test_no_hit_is_no_status(third_party: ThirdParty, answer: Any) -> None:
    third_party.answer("search", answer)
    assert status_of(third_party) == StatusUnknown("search service knows no such collection")


@pytest.mark.parametrize("content", [{}, {"status": None}, {"status": ""}], ids=str)
def test_a_hit_without_status_says_nothing(third_party: ThirdParty, content: Any) -> None:
    third_party.answer("search", {"result": {"count": 1, "content": [content]}})
    assert status_of(third_party) == StatusUnknown("search service gave no status")


def test_only_the_first_hit_counts(third_party: ThirdParty) -> None:
    third_party.answer("search", {"result": {"count": 2, "content": [{"status": "Retired"}, {"status": "Live"}]}})
    assert status_of(third_party) == StatusFound("Retired")


def test_each_collection_is_asked_for_once(third_party: ThirdParty) -> None:
    third_party.answer("search", LIVE)
    client = service(third_party)
    assert set(client.collection_statuses(["do_1", "do_2", "do_1"])) == {"do_1", "do_2"}
    assert len(third_party.requests) == 2
    assert client.counts["http.requests"] == 2


def test_no_collection_asks_nothing(third_party: ThirdParty) -> None:
    assert service(third_party).collection_statuses([]) == {}
    assert third_party.requests == []


def test_a_service_that_is_not_there_is_an_answer_too() -> None:
    given = {"LERN_PIPELINE_SERVICE_SEARCH_BASEPATH": "http://127.0.0.1:1/search"}
    settings = load_configuration(None, given).for_job("activity-aggregate-updater")
    found = SearchService(settings, Counter()).collection_statuses(["do_1"])["do_1"]
    assert isinstance(found, StatusUnknown)
    assert found.reason.startswith("search service did not answer")


# --- what is remembered


def test_a_status_is_remembered_by_the_next_batch(third_party: ThirdParty) -> None:
    third_party.answer("search", {"result": {"count": 1, "content": [{"status": "Retired"}]}})
    client = service(third_party)
    for _ in range(2):
        assert client.collection_statuses(["do_1"]) == {"do_1": StatusFound("Retired")}
    assert len(third_party.requests) == 1


def test_a_remembered_status_expires(third_party: ThirdParty) -> None:
    third_party.answer("search", LIVE)
    client = service(third_party, LERN_PIPELINE_ACTIVITY_COLLECTION_STATUS_CACHE_EXPIRY="0")
    for _ in range(2):
        client.collection_statuses(["do_1"])
    assert len(third_party.requests) == 2


def test_what_was_not_found_is_not_remembered(third_party: ThirdParty) -> None:
    third_party.answer("search", {"result": {"count": 0}}, LIVE)
    client = service(third_party)
    assert isinstance(client.collection_statuses(["do_1"])["do_1"], StatusUnknown)
    assert client.collection_statuses(["do_1"]) == {"do_1": StatusFound("Live")}
