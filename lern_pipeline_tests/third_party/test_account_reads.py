"""The user read of deletions: what is asked how, and what each answer means (contract user-deletion-cleanup 3, U10,
U14, decisions 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.account_reads import (
    AccountNotRead,
    AccountRead,
    BlockedAccount,
    NoAccount,
    ReadableAccount,
)
from lern_pipeline.resources.account_reads import HttpAccountReads
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.rules


def reads_at(address: str, path: str = "/private/user/v1/read/", attempts: int = 1) -> HttpAccountReads:
    environment = {
        "LERN_PIPELINE_SERVICE_USERORG_BASEPATH": address,
        "LERN_PIPELINE_USER_READ_API": path,
        "LERN_PIPELINE_HTTP_ATTEMPTS": str(attempts),
    }
    return HttpAccountReads(load_configuration(None, environment).for_job("user-deletion-cleanup"))


@pytest.fixture
def reads(third_party: ThirdParty) -> Iterator[HttpAccountReads]:
    client = reads_at(third_party.address)
    yield client
    client.close()


@pytest.mark.parametrize("path", ["/private/user/v1/read", "/private/user/v1/read/"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_address_has_one_slash_everywhere(path: str, slash: str, third_party: ThirdParty) -> None:
    client = reads_at(third_party.address + slash, path)
    client.read_accounts(["a/b"])
    client.close()
    (request,) = third_party.requests
    assert f"/{request.service}{request.path}" == "/private/user/v1/read/a%2Fb?identifier,rootOrgId"
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("route", "meaning"),
    [
        (
            {"answer": {"result": {"response": {"identifier": "u", "rootOrgId": "o", "email": "e"}}}},
            ReadableAccount("u", "o"),
        ),
        ({"answer": {"result": {"response": {"identifier": None, "rootOrgId": 5}}}}, ReadableAccount(None, None)),
        ({"answer": {"result": {}}}, ReadableAccount(None, None)),
        ({"answer": {"responseCode": "OK"}}, ReadableAccount(None, None)),
        ({"answer": [1]}, AccountNotRead("user read: answered 200 without a JSON object")),
        ({"text": "<html>"}, AccountNotRead("user read: answered 200 without a JSON object")),
        ({"status": 400, "answer": {"params": {"err": "UOS_USRRED0006"}}}, BlockedAccount()),
        ({"status": 400, "answer": {"params": {"err": "USER_ACCOUNT_BLOCKED"}}}, BlockedAccount()),
        ({"status": 400, "answer": {"params": {"err": "UOS_INVREQ"}}}, BlockedAccount(other_error=True)),
        ({"status": 400, "text": "no JSON"}, BlockedAccount()),
        ({"status": 404}, NoAccount()),
        ({"status": 410}, AccountNotRead("user read: answered 410")),
        ({"status": 302}, AccountNotRead("user read: answered 302")),
        ({"status": 503}, AccountNotRead("user read: answered 503")),
        ({"status": 429}, AccountNotRead("user read: answered 429")),
    ],
)
def test_what_an_answer_means(
    route: dict[str, Any], meaning: AccountRead, third_party: ThirdParty, reads: HttpAccountReads
) -> None:
    third_party.add([route])
    assert reads.read_accounts(["u"]) == {"u": meaning}


def test_a_lost_connection_is_the_users_own_and_tried_again(third_party: ThirdParty) -> None:
    client = reads_at(third_party.address, attempts=2)
    answer = {"answer": {"result": {"response": {"identifier": "u", "rootOrgId": "o"}}}}
    third_party.add([{"path": "/user/v1/read/lost?identifier,rootOrgId", "drop": True}, {"drop": True, "times": 1}])
    third_party.add([answer])
    # One after the other: a question on a connection that was kept from another is asked anew when that is lost.
    lost, found = client.read_accounts(["lost"]), client.read_accounts(["u"])
    assert len(third_party.requests) == 4
    together = client.read_accounts(["lost", "u"])
    client.close()
    assert isinstance(lost["lost"], AccountNotRead)
    assert found["u"] == ReadableAccount("u", "o")
    assert isinstance(together["lost"], AccountNotRead)
    assert together["u"] == ReadableAccount("u", "o")


def test_a_service_that_does_not_answer_is_not_waited_for_by_everybody(third_party: ThirdParty) -> None:
    client = reads_at(third_party.address)
    third_party.add([{"drop": True}])
    found = [client.read_accounts([f"u{number}"])[f"u{number}"] for number in range(20)]
    client.close()
    assert all(isinstance(one, AccountNotRead) for one in found)
    assert len(third_party.requests) == 3


def test_where_nobody_listens_it_is_nobodys_own() -> None:
    with pytest.raises(ServiceUnavailable, match="user service"):
        reads_at("http://127.0.0.1:9").read_accounts(["u"])


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_setting(status: int, third_party: ThirdParty, reads: HttpAccountReads) -> None:
    third_party.add([{"status": status}])
    with pytest.raises(ConfigurationError, match=r"service\.userorg\.basePath"):
        reads.read_accounts(["u"])


def test_nobody_is_asked_for_nobody(third_party: ThirdParty, reads: HttpAccountReads) -> None:
    assert reads.read_accounts([]) == {}
    assert third_party.requests == []
