"""The client of Keycloak with the stand-in (contract user-deletion-cleanup 5, 10.3, U12, U13; decisions 5, 7)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lern_pipeline.microbatch.login_accounts import AccountNotRemoved, AccountRemoved
from lern_pipeline.resources.keycloak import Keycloak
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.keycloak import Keycloak as StandIn

pytestmark = pytest.mark.rules

ASHA = {
    "id": "f:fp1:u-7",
    "username": "asha1",
    "email": "a@x.org",
    "firstName": "Asha",
    "lastName": "R",
    "enabled": True,
    "emailVerified": True,
    "attributes": {"phone": ["9"]},
    "requiredActions": ["VERIFY_EMAIL"],
}
PATH = "/admin/realms/sunbird/users/f:fp1:u-7"


@pytest.fixture
def server() -> Iterator[ThirdParty]:
    with ThirdParty([StandIn()]) as running:
        running.services["keycloak"].add({"accounts": {"f:fp1:u-7": ASHA}})
        yield running


def settings(address: str, **values: str) -> JobSettings:
    given = {
        "sunbird_sso_url": f"{address}/auth/",
        "sunbird_sso_realm": "sunbird",
        "sunbird_sso_client_id": "lms",
        "sunbird_sso_client_secret": "secret",
        "sunbird_sso_username": "admin",
        "sunbird_sso_password": "hunter2",
        "sunbird_keycloak_user_federation_provider_id": "fp1",
        "http_attempts": "1",
    } | values
    environment = {f"LERN_PIPELINE_{name.upper()}": value for name, value in given.items()}
    return load_configuration(None, environment).for_job("user-deletion-cleanup")


@pytest.fixture
def keycloak(server: ThirdParty) -> Iterator[Keycloak]:
    client = Keycloak(settings(server.address))
    yield client
    client.close()


def calls(server: ThirdParty) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in server.requests if not one.path.endswith("/token")]


def held(server: ThirdParty) -> dict[str, Any]:
    accounts: dict[str, Any] = server.services["keycloak"].state()["accounts"]
    return accounts


def test_an_account_is_removed(server: ThirdParty, keycloak: Keycloak) -> None:
    assert keycloak.remove("u-7") == AccountRemoved("removed")
    assert calls(server) == [("DELETE", PATH)]
    assert held(server) == {}


def test_an_account_that_is_gone_is_no_error_and_needs_no_fallback(server: ThirdParty, keycloak: Keycloak) -> None:
    assert keycloak.remove("u-8") == AccountRemoved("gone")
    assert [method for method, _ in calls(server)] == ["DELETE"]


def test_an_account_that_cannot_be_removed_is_blanked(server: ThirdParty, keycloak: Keycloak) -> None:
    server.add([{"method": "DELETE", "path": PATH, "status": 500}])
    assert keycloak.remove("u-7") == AccountRemoved("blanked")
    assert [method for method, _ in calls(server)] == ["DELETE", "GET", "PUT"]
    # U-E4: user name, attributes and required actions unchanged.
    assert server.requests[-1].body == ASHA | {
        "email": "",
        "firstName": "",
        "lastName": "",
        "enabled": False,
        "emailVerified": False,
    }


def test_a_provider_that_refuses_to_remove_has_the_account_blanked(server: ThirdParty, keycloak: Keycloak) -> None:
    server.services["keycloak"].add({"keeps": ["f:fp1:u-7"]})
    assert keycloak.remove("u-7") == AccountRemoved("blanked")
    assert held(server)["f:fp1:u-7"] == {
        "id": "f:fp1:u-7",
        "username": "asha1",
        "enabled": False,
        "emailVerified": False,
        "attributes": {"phone": ["9"]},
        "requiredActions": ["VERIFY_EMAIL"],
    }


@pytest.mark.parametrize(
    ("routes", "reason"),
    [
        ([{"method": "DELETE", "status": 500}, {"method": "GET", "status": 500}], "DELETE: answered 500; GET: answ"),
        ([{"method": "DELETE", "status": 400}, {"method": "GET", "status": 404}], "DELETE: answered 400; GET: answ"),
        ([{"method": "DELETE", "drop": True}, {"method": "GET", "text": "<html>"}], "GET: not an account"),
        ([{"method": "DELETE", "status": 500}, {"method": "PUT", "status": 409}], "PUT: answered 409"),
        ([{"method": "DELETE", "status": 302}, {"method": "GET", "status": 302}], "DELETE: answered 302"),
        ([{"method": "POST", "status": 200, "answer": {"error": "x"}}], "token: answered 200 without one"),
        ([{"method": "POST", "status": 404}], "token: answered 404"),
        ([{"method": "POST", "drop": True}], "token: did not answer"),
    ],
)
def test_whatever_fails_is_an_answer(
    server: ThirdParty, keycloak: Keycloak, routes: list[dict[str, Any]], reason: str
) -> None:
    server.add(routes)
    found = keycloak.remove("u-7")
    assert isinstance(found, AccountNotRemoved)
    assert reason in found.reason


def test_an_unreachable_directory_fails_and_the_next_user_does_not(server: ThirdParty, keycloak: Keycloak) -> None:
    server.services["keycloak"].add({"unreachable": ["f:fp1:u-9"]})
    assert isinstance(keycloak.remove("u-9"), AccountNotRemoved)
    assert keycloak.remove("u-7") == AccountRemoved("removed")


def test_a_client_without_the_role_fails(server: ThirdParty, keycloak: Keycloak) -> None:
    server.services["keycloak"].add({"may_manage": False})
    found = keycloak.remove("u-7")
    assert found == AccountNotRemoved("DELETE: answered 403; GET: answered 403")


def test_a_wrong_secret_fails_without_a_further_call_and_is_not_told(server: ThirdParty, keycloak: Keycloak) -> None:
    server.services["keycloak"].add({"secret": "another"})
    found = keycloak.remove("u-7")
    assert found == AccountNotRemoved("token: answered 401, check sunbird_sso_client_secret")
    assert calls(server) == []


def test_an_address_that_is_none_fails() -> None:
    found = Keycloak(settings("no address")).remove("u-7")
    assert found == AccountNotRemoved("token: cannot be asked, check sunbird_sso_url")


def test_one_token_serves_all_until_it_expires(server: ThirdParty) -> None:
    now = [1000.0]
    client = Keycloak(settings(server.address, sunbird_sso_pool_size="4"), clock=lambda: now[0])
    with ThreadPoolExecutor(8) as pool:
        assert {type(one) for one in pool.map(client.remove, map(str, range(20)))} == {AccountRemoved}
    assert server.services["keycloak"].state()["tokens"] == 1
    now[0] += 271
    client.remove("u-7")
    assert server.services["keycloak"].state()["tokens"] == 2
    client.close()


def test_a_token_that_is_no_longer_good_is_renewed_once(server: ThirdParty, keycloak: Keycloak) -> None:
    keycloak.remove("u-8")
    server.services["keycloak"].add({"revoked": 1})
    assert keycloak.remove("u-7") == AccountRemoved("removed")
    server.services["keycloak"].add({"revoked": 100})
    assert keycloak.remove("u-7") == AccountNotRemoved("DELETE: answered 401; GET: answered 401")


def test_after_a_refused_token_nobody_asks_for_a_while(server: ThirdParty) -> None:
    now = [1000.0]
    client = Keycloak(settings(server.address), clock=lambda: now[0])
    server.add([{"method": "POST", "status": 503, "times": 1}])
    assert client.remove("u-7") == client.remove("u-8") == AccountNotRemoved("token: answered 503")
    assert len(server.requests) == 1
    now[0] += 11
    assert client.remove("u-7") == AccountRemoved("removed")
    client.close()


def test_a_server_that_does_not_answer_is_not_waited_for_by_everybody(server: ThirdParty) -> None:
    now = [1000.0]
    client = Keycloak(settings(server.address), clock=lambda: now[0])
    client.remove("u-8")
    server.add([{"method": "DELETE", "drop": True}, {"method": "GET", "drop": True}])
    asked = len(server.requests)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(client.remove, map(str, range(30))))
    assert all(isinstance(one, AccountNotRemoved) and "did not answer" in one.reason for one in found)
    # Two at a time, both calls of three users, and of one who had begun.
    assert len(server.requests) - asked <= 8
    server.forget_scripts()
    now[0] += 11
    assert client.remove("u-7") == AccountRemoved("removed")
    client.close()


def test_a_user_of_whom_nothing_is_heard_is_not_the_others(server: ThirdParty, keycloak: Keycloak) -> None:
    server.add([{"path": PATH, "drop": True}])
    for _ in range(5):
        assert isinstance(keycloak.remove("u-7"), AccountNotRemoved)
        assert keycloak.remove("u-8") == AccountRemoved("gone")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"sunbird_sso_url": ""}, "sunbird_sso_url is not set"),
        ({"sunbird_sso_realm": " "}, "sunbird_sso_realm is not set"),
        ({"sunbird_sso_client_secret": ""}, "sunbird_sso_client_secret is not set"),
        (
            {"sunbird_sso_username": "", "sunbird_sso_password": ""},
            "sunbird_sso_username, sunbird_sso_password are not set",
        ),
        (
            {"sunbird_keycloak_user_federation_provider_id": ""},
            "sunbird_keycloak_user_federation_provider_id is not set",
        ),
        (
            {"sunbird_keycloak_user_federation_provider_id": "sunbird_keycloak_user_federation_provider_id"},
            "sunbird_keycloak_user_federation_provider_id is not set",
        ),
    ],
)
def test_what_is_not_configured_is_not_asked(server: ThirdParty, values: dict[str, str], why: str) -> None:
    assert Keycloak(settings(server.address, **values)).remove("u-7") == AccountNotRemoved(why)
    assert server.requests == []


def test_ids_are_one_segment_of_the_path(server: ThirdParty, keycloak: Keycloak) -> None:
    server.services["keycloak"].add({"accounts": {"f:fp1:a/../b?c": {}}})
    assert keycloak.remove("a/../b?c") == AccountRemoved("removed")
    assert calls(server) == [("DELETE", "/admin/realms/sunbird/users/f:fp1:a%2F..%2Fb%3Fc")]
