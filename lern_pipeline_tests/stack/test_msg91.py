"""SMS by MSG91, against a server that speaks its protocol (contract notification-job 5.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from lern_pipeline.local.addresses import free_port
from lern_pipeline.microbatch.channels import NotSent, Sent, Sms
from lern_pipeline.resources.msg91 import Msg91, form_encoded
from lern_pipeline_tests.stack.channel_settings import channel_settings
from lern_pipeline_tests.third_party.answers import Answer
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.msg91 import Msg91 as Msg91Service

pytestmark = pytest.mark.stack

SMS = Sms("Done: 100% & more", ["9000000001", "+919000000002"])


@pytest.fixture
def provider() -> Iterator[ThirdParty]:
    with ThirdParty([Msg91Service()]) as running:
        yield running


def client(address: str, **values: object) -> Msg91:
    given = {"sms_auth_key": "K1", "sms_default_sender": "LRNSBD", "sunbird_msg_91_baseurl": f"{address}/msg91/"}
    return Msg91(channel_settings(**(given | values)), Counter())


def test_e1_one_request_for_all_numbers(provider: ThirdParty) -> None:
    assert client(provider.address).send(SMS) == Sent()
    (request,) = provider.requests
    assert (request.method, request.service, request.path) == ("POST", "msg91", "/api/v2/sendsms")
    assert request.body == {
        "sender": "LRNSBD",
        "route": "4",
        "country": "91",
        "sms": [{"message": "Done%3A+100%25+%26+more", "to": ["9000000001", "+919000000002"]}],
    }
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert (headers["authkey"], headers["content-type"]) == ("K1", "application/json")


def test_sender_route_country_and_path_are_settings(provider: ThirdParty) -> None:
    other = {
        "sms_default_sender": "",
        "sunbird_msg_91_post_url": "other/api/v2/sendsms",
        "sunbird_msg_91_route": "1",
        "sunbird_notification_default_country_code": "49",
    }
    client(provider.address, **other).send(SMS)
    (request,) = provider.requests
    assert request.path == "/other/api/v2/sendsms"
    assert [request.body[name] for name in ("sender", "route", "country")] == ["TesSun", "1", "49"]


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (Answer("not JSON"), True),
        (Answer(""), True),
        (Answer({"type": "success"}), True),
        (Answer({"type": 5}), True),
        (Answer(["error"]), True),
        (Answer({"message": "Invalid number", "type": "Error"}), False),
        (Answer({"type": "success"}, 201), False),
        (Answer({}, 301, {"Location": "/msg91/elsewhere"}), False),
        (Answer({}, 401), False),
        (Answer({}, 429), False),
        (Answer({}, 500), False),
        (Answer(drop=True), False),
        (Answer(reset=True), False),
        (Answer(b"no gzip", 200, {"Content-Encoding": "gzip"}), True),
        (Answer(b"no gzip", 500, {"Content-Encoding": "gzip"}), False),
    ],
)
def test_200_is_success_unless_it_says_error_and_nothing_is_asked_twice(
    provider: ThirdParty, answer: Answer, sent: bool
) -> None:
    provider.answer("msg91", answer)
    outcome = client(provider.address).send(SMS)
    assert isinstance(outcome, Sent) is sent
    assert len(provider.requests) == 1


def test_a_provider_that_does_not_answer_is_given_up(provider: ThirdParty) -> None:
    provider.answer("msg91", Answer({}, delay_s=2))
    outcome = client(provider.address, **{"http.read.timeout.seconds": 0.2}).send(SMS)
    assert outcome == NotSent("MSG91 did not answer: time-out")


def test_nobody_listens() -> None:
    assert client(f"http://127.0.0.1:{free_port()}").send(SMS) == NotSent("MSG91 did not answer: no connection")


def test_without_a_key_nobody_is_called(provider: ThirdParty) -> None:
    assert client(provider.address, sms_auth_key="").send(SMS) == NotSent("sms_auth_key is not set")
    assert provider.requests == []


@pytest.mark.parametrize("address", ["nonsense", "http://[", "ftp://127.0.0.1", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_fails_without_a_word_about_recipients(address: str) -> None:
    outcome = client(address, sms_auth_key="S3cret").send(SMS)
    assert isinstance(outcome, NotSent)
    assert not [text for text in ("S3cret", "9000000001", "Done") if text in outcome.reason]


def test_a_key_that_cannot_be_a_header_is_not_told(provider: ThirdParty) -> None:
    outcome = client(provider.address, sms_auth_key="S3cret\nX: y").send(SMS)
    assert isinstance(outcome, NotSent)
    assert "S3cret" not in outcome.reason


def test_form_encoding_is_the_existing_jobs() -> None:
    assert form_encoded("Grüße ~*_-.+/=?\"'<>\n₹ 😀 $name") == (
        "Gr%C3%BC%C3%9Fe+%7E*_-.%2B%2F%3D%3F%22%27%3C%3E%0A%E2%82%B9+%F0%9F%98%80+%24name"
    )
