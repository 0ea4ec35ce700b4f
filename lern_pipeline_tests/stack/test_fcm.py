"""Push messages by FCM, HTTP v1 and legacy, and Google's access tokens (contract notification-job 5.3)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest

from lern_pipeline.local.addresses import free_port
from lern_pipeline.microbatch.channels import NotSent, Push, Sent
from lern_pipeline.resources.fcm import SCOPE, Fcm, text_values
from lern_pipeline.resources.google_token import AccessTokens
from lern_pipeline.resources.one_attempt import OneAttempt
from lern_pipeline_tests.stack.channel_settings import channel_settings
from lern_pipeline_tests.third_party.answers import Answer
from lern_pipeline_tests.third_party.certificates import private_key, private_key_text
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.fcm import GRANT
from lern_pipeline_tests.third_party.services.fcm import Fcm as FcmService

pytestmark = pytest.mark.stack

KEY = private_key()
DATA = '{"type":1,"actionData":{"title":"New"}}'
TO_TOKENS = Push(DATA, ["t1", "t2"])
TO_TOPIC = Push(DATA, [], "all-users")


def account(address: str, **members: Any) -> str:
    made = {
        "type": "service_account",
        "project_id": "lern-p",
        "client_email": "push@lern-p.iam.test",
        "private_key": private_key_text(KEY),
        "token_uri": f"{address}/google/token",
    }
    return json.dumps({name: value for name, value in (made | members).items() if value is not ...})


@pytest.fixture
def google() -> Iterator[ThirdParty]:
    with ThirdParty([FcmService()]) as running:
        yield running


def v1(google: ThirdParty, **values: object) -> Fcm:
    given = {"fcm_service_account_json": account(google.address), "fcm_v1_base_url": f"{google.address}/fcm"}
    return Fcm(channel_settings(**(given | values)), Counter())


def legacy(google: ThirdParty, **values: object) -> Fcm:
    given = {"fcm_account_key": "key=F1", "sunbird_fcm_url": f"{google.address}/fcm/fcm/send"}
    return Fcm(channel_settings(**(given | values)), Counter())


def sends(google: ThirdParty) -> list[Any]:
    return [request for request in google.requests if request.path.endswith(":send")]


def tokens_asked(google: ThirdParty) -> list[Any]:
    return [request for request in google.requests if request.path.endswith("/token")]


# --- HTTP v1


def test_e4_v1_one_request_per_token_and_one_success_is_enough(google: ThirdParty) -> None:
    google.services["fcm"].add({"unregistered": ["t2"]})
    assert v1(google).send(TO_TOKENS) == Sent()
    first, second = sends(google)
    assert first.whole_path == "/fcm/v1/projects/lern-p/messages:send"
    assert first.body == {
        "validate_only": False,
        "message": {"token": "t1", "data": {"type": "1", "actionData": '{"title":"New"}'}},
    }
    assert second.body["message"]["token"] == "t2"
    headers = {name.lower(): value for name, value in first.headers.items()}
    assert (headers["authorization"], headers["content-type"]) == ("Bearer access-1", "application/json")


def test_e4_v1_to_a_topic(google: ThirdParty) -> None:
    assert v1(google).send(TO_TOPIC) == Sent()
    (request,) = sends(google)
    assert request.body["message"]["topic"] == "all-users"
    assert "token" not in request.body["message"]


def test_the_token_is_asked_for_as_google_wants_it_and_kept(google: ThirdParty) -> None:
    client = v1(google)
    for _ in range(3):
        client.send(TO_TOKENS)
    (request,) = tokens_asked(google)
    form = parse_qs(request.body)
    assert form["grant_type"] == [GRANT]
    address = f"{google.address}/google/token"
    claims = jwt.decode(form["assertion"][0], KEY.public_key(), algorithms=["RS256"], audience=address)
    assert (claims["iss"], claims["scope"]) == ("push@lern-p.iam.test", SCOPE)
    assert claims["exp"] - claims["iat"] == 3600


def test_threads_share_one_token(google: ThirdParty) -> None:
    client = v1(google)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(client.send, [TO_TOPIC] * 16)) == {Sent()}
    assert len(tokens_asked(google)) == 1


def test_project_and_token_address_can_be_set(google: ThirdParty) -> None:
    other = {"fcm_project_id": "other/p", "fcm_v1_token_uri": f"{google.address}/elsewhere/token"}
    client = v1(google, fcm_service_account_json=account("http://127.0.0.1:1", project_id=...), **other)
    assert client.send(TO_TOPIC) == Sent()
    assert tokens_asked(google)[0].service == "elsewhere"
    assert sends(google)[0].path == "/v1/projects/other%2Fp/messages:send"


def test_a_401_gets_one_new_token(google: ThirdParty) -> None:
    google.add([{"service": "fcm", "path": "/v1/projects/lern-p/messages:send", "status": 401, "times": 1}])
    assert v1(google).send(TO_TOPIC) == Sent()
    assert len(tokens_asked(google)) == 2
    assert [request.headers["Authorization"] for request in sends(google)] == ["Bearer access-1", "Bearer access-2"]


def test_a_second_401_is_a_failure_that_names_the_setting(google: ThirdParty) -> None:
    google.add([{"service": "fcm", "path": "/v1/projects/lern-p/messages:send", "status": 401}])
    outcome = v1(google).send(TO_TOPIC)
    assert outcome == NotSent("FCM answered 401: check fcm_service_account_json and fcm_project_id")
    assert len(sends(google)) == 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer({}, 200),
        Answer("no JSON", 200),
        Answer({"name": 5}, 200),
        Answer({"name": "x"}, 201),
        Answer({}, 302, {"Location": "/fcm/elsewhere"}),
        Answer({}, 400),
        Answer({}, 403),
        Answer({}, 404),
        Answer({}, 429),
        Answer({}, 503),
        Answer(drop=True),
    ],
)
def test_anything_but_200_with_a_name_is_a_failure_and_nothing_is_asked_twice(
    google: ThirdParty, answer: Answer
) -> None:
    google.answer("fcm", answer)
    assert isinstance(v1(google).send(TO_TOPIC), NotSent)
    assert len(sends(google)) == 1


@pytest.mark.parametrize(
    "answer",
    [Answer({}, 400), Answer({}, 500), Answer({}), Answer({"access_token": ""}), Answer("x"), Answer(drop=True)],
)
def test_without_an_access_token_nothing_is_sent(google: ThirdParty, answer: Answer) -> None:
    google.answer("google", answer)
    outcome = v1(google).send(TO_TOPIC)
    assert isinstance(outcome, NotSent)
    assert "the token service" in outcome.reason
    assert sends(google) == []


@pytest.mark.parametrize(
    "broken",
    [
        "S3cret", "[]", "{}", '{"client_email": 5, "private_key": "S3cret"}', '{"client_email": "S3cret"}',
        account("http://127.0.0.1:1", private_key="S3cret"),
        account("http://127.0.0.1:1", private_key="-----BEGIN PRIVATE KEY-----\nS3cret\n-----END PRIVATE KEY-----\n"),
        account("http://127.0.0.1:1", token_uri=5),
        account("http://127.0.0.1:1", project_id=""),
    ],
)  # fmt: skip
def test_a_service_account_that_cannot_be_used_fails_here_and_is_not_told(google: ThirdParty, broken: str) -> None:
    outcome = v1(google, fcm_service_account_json=broken).send(TO_TOPIC)
    assert isinstance(outcome, NotSent)
    assert "fcm_" in outcome.reason
    assert "S3cret" not in outcome.reason
    assert google.requests == []


def test_a_token_is_renewed_before_it_expires(google: ThirdParty) -> None:
    now = [1_800_000_000.0]
    service = OneAttempt("the token service", channel_settings(), Counter())
    tokens = AccessTokens(account(google.address), None, SCOPE, service, clock=lambda: now[0])
    assert tokens.token() == "access-1"
    now[0] += 3599 - 301
    assert tokens.token() == "access-1"
    now[0] += 2
    assert tokens.token() == "access-2"
    # Somebody else has asked already.
    assert tokens.token(refused="access-1") == "access-2"
    service.close()


def test_values_become_texts() -> None:
    data = '{"a":"x","n":1,"f":2.5,"b":false,"none":null,"o":{"k":[1,null]},"ü":"₹"}'
    assert text_values(data) == {"a": "x", "n": "1", "f": "2.5", "b": "false", "o": '{"k":[1,null]}', "ü": "₹"}


# --- legacy


def test_e4_legacy_one_request_for_all_tokens(google: ThirdParty) -> None:
    google.services["fcm"].add({"unregistered": ["t2"]})
    assert legacy(google).send(TO_TOKENS) == Sent()
    (request,) = google.requests
    assert request.body == {"data": json.loads(DATA), "dry_run": False, "registration_ids": ["t1", "t2"]}
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert (headers["authorization"], headers["content-type"]) == ("key=F1", "application/json")


def test_e4_legacy_to_a_topic(google: ThirdParty) -> None:
    assert legacy(google).send(TO_TOPIC) == Sent()
    (request,) = google.requests
    assert request.body == {"data": json.loads(DATA), "dry_run": False, "to": "/topics/all-users"}


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (Answer({"success": 1, "failure": 1, "results": [{"message_id": "0:1", "registration_id": "t9"}]}), True),
        (Answer({"message_id": 7253391319867149192}), True),
        (Answer({"success": 0, "failure": 2}), False),
        (Answer({}), False),
        (Answer([]), False),
        (Answer({"error": "TopicsMessageRateExceeded"}), False),
        (Answer("<html>"), False),
        (Answer({"success": 1}, 502), False),
        (Answer({"success": 1}, 401), False),
        (Answer({"success": "1"}), False),
        (Answer(drop=True), False),
    ],
)
def test_legacy_success(google: ThirdParty, answer: Answer, sent: bool) -> None:
    google.answer("fcm", answer)
    assert isinstance(legacy(google).send(TO_TOKENS), Sent) is sent
    assert len(google.requests) == 1


@pytest.mark.parametrize("values", [{"fcm_account_key": ""}, {"fcm_account_key": " "}])
def test_without_settings_nobody_is_called(google: ThirdParty, values: dict[str, str]) -> None:
    assert isinstance(legacy(google, **values).send(TO_TOKENS), NotSent)
    assert google.requests == []


def test_nobody_listens(google: ThirdParty) -> None:
    client = legacy(google, sunbird_fcm_url=f"http://127.0.0.1:{free_port()}/fcm/send")
    assert client.send(TO_TOKENS) == NotSent("FCM did not answer: no connection")


def test_a_client_that_was_closed_connects_again(google: ThirdParty) -> None:
    client = legacy(google)
    for _ in range(2):
        assert client.send(TO_TOKENS) == Sent()
        client.close()
