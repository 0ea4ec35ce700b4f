"""The user read: whose profile, who is blocked, what fails one user and what fails the batch (contract 7.1)."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.service_readers import NotRead, UserBlocked, UserProfile
from lern_pipeline.resources.user_service import UserService
from lern_pipeline.settings import load_configuration

pytestmark = pytest.mark.stack

PROFILE = {"firstName": "Asha", "lastName": None, "email": "a***@example.org", "phone": "98*****"}


def service(base: str, **environment: str) -> UserService:
    given = {"LERN_PIPELINE_SERVICE_LEARNER_BASEPATH": base} | environment
    return UserService(load_configuration(None, given).for_job("collection-cert-pre-processor"), Counter())


def read(server: HTTPServer, *answers: Response | Any, user: str = "u1") -> UserProfile | UserBlocked | NotRead:
    """What is read where the server gives the answers in order, the last one for ever."""
    left = list(answers)

    def answer(_: Request) -> Response:
        found = left.pop(0) if len(left) > 1 else left[0]
        return found if isinstance(found, Response) else Response(json.dumps(found))

    server.expect_request(f"/learner/private/user/v1/read/{user}").respond_with_handler(answer)
    return service(server.url_for("/learner")).read_users([user, user], ["firstName", "lastName", "none"])[user]


def test_a_profile_is_asked_for_once_and_only_what_is_wanted_is_kept(httpserver: HTTPServer) -> None:
    found = read(httpserver, {"result": {"response": PROFILE}})
    assert found == UserProfile({"firstName": "Asha", "lastName": None}, is_empty=False)
    ((request, _),) = httpserver.log
    assert request.environ["RAW_URI"] == (
        "/learner/private/user/v1/read/u1?fields=organisations,roles,locations,declarations,externalIds"
    )
    assert request.headers["Content-Type"] == "application/json"


def test_the_query_is_a_setting(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/private/user/v1/read/u1").respond_with_json({"result": {"response": PROFILE}})
    name = "LERN_PIPELINE_JOBS_COLLECTION_CERT_PRE_PROCESSOR__USER_READ_QUERY"
    service(httpserver.url_for("").rstrip("/"), **{name: "roles,locations"}).read_users(["u1"], ["firstName"])
    assert [request.query_string for request, _ in httpserver.log] == [b"roles,locations"]


@pytest.mark.parametrize("answer", [{"result": {"response": {}}}, {"result": {"response": None}}, {"result": {}}, {}])
def test_a_profile_may_be_empty(httpserver: HTTPServer, answer: Any) -> None:
    assert read(httpserver, answer) == UserProfile({}, is_empty=True)


def test_a_profile_without_what_is_wanted_is_not_empty(httpserver: HTTPServer) -> None:
    assert read(httpserver, {"result": {"response": {"id": "u1"}}}) == UserProfile({}, is_empty=False)


@pytest.mark.parametrize("code", ["UOS_USRRED0006", "USER_ACCOUNT_BLOCKED"])
def test_a_blocked_account_is_an_answer(httpserver: HTTPServer, code: str) -> None:
    assert read(httpserver, Response(json.dumps({"params": {"err": code}}), 400)) == UserBlocked()
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response("{}", 400), "answered 400"),
        (Response('{"params": {"err": "UOS_USRRED0006"}}', 404), "answered 404"),
        (Response("{}", 201), "answered 201"),
        (Response("<html>"), "answered 200 without a JSON object"),
        (Response(b"\xff"), "answered 200 without a JSON object"),
        ([], "answered 200 without a JSON object"),
        ({"result": {"response": ["Asha"]}}, "answered 200 with a profile that is no object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_another_answer_fails_this_user_alone(httpserver: HTTPServer, answer: Any, reason: str) -> None:
    found = read(httpserver, answer)
    assert isinstance(found, NotRead)
    assert found.address.endswith("/learner/private/user/v1/read/u1")
    assert found.reason == reason
    assert len(httpserver.log) == 1


def test_an_outage_is_tried_again_and_then_fails_the_batch(httpserver: HTTPServer) -> None:
    with pytest.raises(ServiceUnavailable, match=r"user service at .*answered 503"):
        read(httpserver, Response(json.dumps({"params": {"err": "UOS_USRRED0006"}}), 503))
    assert len(httpserver.log) == 3


def test_a_refusal_names_the_setting(httpserver: HTTPServer) -> None:
    with pytest.raises(ConfigurationError, match=r"service\.learner\.basePath"):
        read(httpserver, Response(status=403))


def test_the_generator_reads_without_query(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x/private/user/v1/read/u1").respond_with_json({"result": {"response": PROFILE}})
    given = {"LERN_PIPELINE_SERVICE_LEARNER_BASEPATH": httpserver.url_for("/x")}
    client = UserService(load_configuration(None, given).for_job("collection-certificate-generator"), Counter())
    assert client.read_users(["u1"], ["firstName"]) == {"u1": UserProfile({"firstName": "Asha"}, is_empty=False)}
    assert httpserver.log[0][0].query_string == b""
