"""Types of contents and names of collections (contract collection-cert-pre-processor 7.2, decisions 5)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.service_readers import NotRead, TypeUnknown
from lern_pipeline.resources.content_service import OUTAGES_IN_A_ROW, ContentService
from lern_pipeline.resources.http_service import CONCURRENT_REQUESTS
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.third_party.answers import Answer
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.stack


def service(server: ThirdParty, **environment: str) -> ContentService:
    given = {"LERN_PIPELINE_SERVICE_CONTENT_BASEPATH": f"{server.address}/content"} | environment
    return ContentService(load_configuration(None, given).for_job("collection-cert-pre-processor"), Counter())


def of_type(type_: object) -> dict[str, Any]:
    return {"responseCode": "OK", "result": {"content": {"contentType": type_}}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (of_type("SelfAssess"), "SelfAssess"),
        ({"responseCode": "ok", "result": {"content": {"contenttype": "SelfAssess"}}}, "SelfAssess"),
        ({"responseCode": "OK", "result": {"content": {"contentType": "A", "contenttype": "b"}}}, "A"),
        (Answer(of_type("X"), 201), "X"),
        ({"responseCode": "OK", "result": {"content": {"name": "x"}}}, ""),
        (of_type(7), ""),
        ({"responseCode": "OK", "result": {"content": {}}}, TypeUnknown(False)),
        ({"responseCode": "CLIENT_ERROR", "result": {"content": {"contentType": "X"}}}, TypeUnknown(False)),
        ({"result": {"content": {"contentType": "X"}}}, TypeUnknown(False)),
        (Answer(of_type("X"), 404), TypeUnknown(False)),
        (Answer("<html>"), TypeUnknown(False)),
        (Answer(of_type("X"), 503), TypeUnknown(True)),
        (Answer(drop=True), TypeUnknown(True)),
    ],
    ids=lambda value: str(value)[:60],
)
def test_the_type_of_a_content(third_party: ThirdParty, answer: Any, expected: str | TypeUnknown) -> None:
    third_party.answer("content", answer)
    assert service(third_party).content_types(["do_1", "do_1"]) == {"do_1": expected}
    attempts = 3 if isinstance(expected, TypeUnknown) and expected.is_outage else 1
    assert [request.path for request in third_party.requests] == ["/content/v4/read/do_1"] * attempts


def test_an_outage_of_types_is_an_answer_that_does_not_take_for_ever(third_party: ThirdParty) -> None:
    third_party.answer("content", Answer(status=500))
    found = service(third_party, LERN_PIPELINE_HTTP_ATTEMPTS="1").content_types(f"do_{n}" for n in range(200))
    assert len(found) == 200
    assert set(found.values()) == {TypeUnknown(True)}
    assert len(third_party.requests) <= OUTAGES_IN_A_ROW + CONCURRENT_REQUESTS


def test_one_content_that_cannot_be_had_leaves_the_others_alone(third_party: ThirdParty) -> None:
    third_party.add([{"path": "/content/v4/read/do_7", "status": 500}])
    third_party.answer("content", of_type("X"))
    found = service(third_party, LERN_PIPELINE_HTTP_ATTEMPTS="1").content_types(f"do_{n}" for n in range(100))
    assert {id_ for id_, type_ in found.items() if type_ != "X"} == {"do_7"}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_a_wrong_setting(third_party: ThirdParty, status: int) -> None:
    third_party.answer("content", Answer(status=status))
    for ask in (service(third_party).content_types, service(third_party).collection_names):
        with pytest.raises(ConfigurationError, match=r"service\.content\.basePath"):
            ask(["do_1"])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"result": {"content": {"name": "Road Safety"}}}, "Road Safety"),
        ({"responseCode": "CLIENT_ERROR", "result": {"content": {}}}, ""),
        ({}, ""),
        ({"result": {"content": {"name": None}}}, ""),
        ({"result": {"content": {"name": 7}}}, NotRead("", "answered 200 with a name that is no text")),
        (Answer("<html>"), NotRead("", "answered 200 without a JSON object")),
        (Answer(status=201), NotRead("", "answered 201")),
        (Answer(status=404), NotRead("", "answered 404")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_the_name_of_a_collection(third_party: ThirdParty, answer: Any, expected: str | NotRead) -> None:
    third_party.answer("content", answer)
    found = service(third_party).collection_names(["do_1", "do_1"])["do_1"]
    if isinstance(expected, NotRead):
        expected = NotRead(f"{third_party.address}/content/content/v4/read/do_1", expected.reason)
    assert found == expected
    assert [request.path for request in third_party.requests] == ["/content/v4/read/do_1?fields=name"]


def test_an_outage_of_names_fails_the_batch(third_party: ThirdParty) -> None:
    third_party.answer("content", Answer(status=500))
    with pytest.raises(ServiceUnavailable, match=r"content service at .*answered 500"):
        service(third_party).collection_names(["do_1"])
