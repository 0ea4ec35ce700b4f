"""Removal of accounts at a real Keycloak (contract user-deletion-cleanup 5, 10.3; decisions 7).

The accounts are an LDAP directory's that Keycloak does not copy: their ids are `f:<provider>:<user>`, as those of the
platform's own federation provider. That provider itself, which has the accounts of the `user` table, is not here: what
it does with DELETE and PUT is its own affair, as what an LDAP provider does with them is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from lern_pipeline.cli import main
from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.jobs.deletion_proof.profile import in_accounts
from lern_pipeline.jobs.deletion_proof.trace import Trace
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.local.addresses import free_port
from lern_pipeline.local.keycloak_server import settings_file
from lern_pipeline.local.processes import RunRecord
from lern_pipeline.local.stack import LocalStack
from lern_pipeline.microbatch import plan
from lern_pipeline.microbatch.key import OffsetRange
from lern_pipeline.microbatch.login_accounts import Account, AccountNotRead, AccountNotRemoved, AccountRemoved
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.run import MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.keycloak import Keycloak
from lern_pipeline.resources.services import services_for
from lern_pipeline.settings import load_configuration
from lern_pipeline.settings.variable import environment_name
from lern_pipeline_tests.conftest import KEEP_VARIABLE, RunningStack
from lern_pipeline_tests.keycloak_accounts import KeycloakAccounts
from lern_pipeline_tests.stack.servers import Servers, key
from lern_pipeline_tests.third_party.directory import Directory
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.user_organisation import UserOrganisation

pytestmark = pytest.mark.stack

JOB = USER_DELETION_CLEANUP.name
PROVIDER = "sunbird_keycloak_user_federation_provider_id"


@pytest.fixture(scope="module")
def directory(session_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with Directory(session_stack.paths.jars("directory"), tmp_path_factory.mktemp("directory")) as running:
        yield running


@pytest.fixture
def person(directory: Directory) -> str:
    """The user id of a person in the directory."""
    user = f"u-{uuid4().hex[:8]}"
    directory.add(user)
    return user


Federate = Callable[..., str]


@pytest.fixture
def federate(keycloak_accounts: KeycloakAccounts, directory: Directory) -> Iterator[Federate]:
    """A federation provider of the directory's accounts; its id."""
    made: list[str] = []

    def provider(**settings: str) -> str:
        made.append(keycloak_accounts.federate(**directory.settings | settings))
        return made[-1]

    yield provider
    for one in made:
        keycloak_accounts.separate(one)


Connect = Callable[..., Keycloak]


@pytest.fixture
def connect(keycloak_accounts: KeycloakAccounts) -> Iterator[Connect]:
    """A client with the settings that `up` gives, and others."""
    made: list[Keycloak] = []

    def client(provider: str, counts: Counter[str] | None = None, **settings: str) -> Keycloak:
        given = keycloak_accounts.settings | {"http_attempts": "1", PROVIDER: provider} | settings
        environment = {environment_name(name): value for name, value in given.items()}
        made.append(Keycloak(load_configuration(None, environment).for_job(JOB), counts))
        return made[-1]

    yield client
    for one in made:
        one.close()


def test_an_account_is_removed_and_no_other(
    keycloak_accounts: KeycloakAccounts, directory: Directory, person: str, federate: Federate, connect: Connect
) -> None:
    provider = federate()
    other = f"{person}-2"
    directory.add(other)
    assert keycloak_accounts.named(person) == [f"f:{provider}:{person}"]
    keycloak = connect(provider)
    assert keycloak.remove(person) == AccountRemoved("removed")
    assert keycloak_accounts.named(person) == []
    assert not directory.has(person)
    assert keycloak.remove(person) == AccountRemoved("gone")
    assert directory.has(other)
    assert (keycloak.read(person), keycloak.read(other)) == (Account(there=False), Account(there=True))


def test_an_account_of_a_provider_that_is_not_there_is_gone(
    keycloak_accounts: KeycloakAccounts, connect: Connect
) -> None:
    own = keycloak_accounts.make()
    # Not of its own store either: that has other ids.
    assert connect("nowhere").remove(own) == AccountRemoved("gone")
    assert keycloak_accounts.of(own) is not None


@pytest.mark.parametrize("user", ["a/../b?c", "..", "x%2Fy", "ü", "*", "u-*", "a)(uid=*", "a:b", " "])
def test_no_id_means_somebody_else(
    directory: Directory, person: str, federate: Federate, connect: Connect, user: str
) -> None:
    assert connect(federate()).remove(user) == AccountRemoved("gone")
    assert directory.has(person)


def test_one_token_serves_many_threads(directory: Directory, person: str, federate: Federate, connect: Connect) -> None:
    counts: Counter[str] = Counter()
    keycloak = connect(federate(), counts, sunbird_sso_pool_size="4")
    users = [f"{person}-{number}" for number in range(8)]
    for user in users:
        directory.add(user)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(keycloak.remove, users)) == [AccountRemoved("removed")] * len(users)
    assert not any(map(directory.has, users))
    assert counts["http.requests"] == 1 + len(users)


def test_an_unreachable_directory_fails(person: str, federate: Federate, connect: Connect) -> None:
    provider = federate(connectionUrl=f"ldap://127.0.0.1:{free_port()}")
    keycloak = connect(provider)
    assert keycloak.remove(person) == AccountNotRemoved("DELETE: answered 500; GET: answered 500")
    assert keycloak.read(person) == AccountNotRead("GET: answered 500")


def test_a_wrong_secret_fails_without_a_further_call(
    directory: Directory, person: str, federate: Federate, connect: Connect
) -> None:
    counts: Counter[str] = Counter()
    keycloak = connect(federate(), counts, sunbird_sso_client_secret="another")
    assert keycloak.remove(person) == AccountNotRemoved("token: answered 401, check sunbird_sso_client_secret")
    assert counts["http.requests"] == 1
    assert directory.has(person)


def test_a_client_without_the_role_fails(
    keycloak_accounts: KeycloakAccounts, directory: Directory, person: str, federate: Federate, connect: Connect
) -> None:
    keycloak = connect(federate(), **keycloak_accounts.client_without_role())
    assert keycloak.remove(person) == AccountNotRemoved("DELETE: answered 403; GET: answered 403")
    assert directory.has(person)


def test_a_realm_that_is_not_there_fails(person: str, connect: Connect) -> None:
    assert connect("any", sunbird_sso_realm="nowhere").remove(person) == AccountNotRemoved(
        "token: answered 404 without one"
    )


def test_a_server_that_is_down_fails(person: str, connect: Connect) -> None:
    found = connect("any", sunbird_sso_url=f"http://127.0.0.1:{free_port()}").remove(person)
    assert isinstance(found, AccountNotRemoved)
    assert found.reason.startswith("token: did not answer")


def test_a_directory_that_is_only_read_keeps_the_account_although_it_is_said_to_be_removed(
    keycloak_accounts: KeycloakAccounts, directory: Directory, person: str, federate: Federate, connect: Connect
) -> None:
    """Keycloak answers 204 and only writes a warning into its own log; whoever reads the account finds it."""
    provider = federate(editMode="READ_ONLY")
    keycloak = connect(provider)
    assert keycloak.remove(person) == AccountRemoved("removed")
    assert keycloak.read(person) == Account(there=True)
    assert directory.has(person)
    assert keycloak_accounts.named(person) == [f"f:{provider}:{person}"]
    assert list(in_accounts([person], keycloak)) == [Trace(person, "keycloak", "account")]


def test_the_proof_of_deletion_finds_an_account_until_it_is_removed(
    directory: Directory, person: str, federate: Federate, connect: Connect
) -> None:
    keycloak = connect(federate())
    assert list(in_accounts([person, f"{person}-2"], keycloak)) == [Trace(person, "keycloak", "account")]
    keycloak.remove(person)
    assert list(in_accounts([person], keycloak)) == []


def test_the_proof_of_deletion_does_not_take_a_silent_directory_for_an_empty_one(
    person: str, federate: Federate, connect: Connect
) -> None:
    keycloak = connect(federate(connectionUrl=f"ldap://127.0.0.1:{free_port()}"))
    with pytest.raises(ServiceUnavailable, match="GET: answered 500"):
        list(in_accounts([person], keycloak))


def test_an_account_of_its_own_store_is_blanked(keycloak_accounts: KeycloakAccounts, connect: Connect) -> None:
    """The second choice by itself: no DELETE of such an account fails, and the client asks only for federated ones."""
    account = keycloak_accounts.make(
        email=f"{uuid4().hex}@example.org",
        emailVerified=True,
        firstName="Asha",
        lastName="Rao",
        requiredActions=["UPDATE_PASSWORD"],
    )
    before = keycloak_accounts.of(account)
    assert before is not None
    connect("any")._blank(f"/admin/realms/sunbird/users/{account}")
    after = keycloak_accounts.of(account)
    kept = {name: value for name, value in before.items() if name not in ("email", "firstName", "lastName")}
    assert after == kept | {"emailVerified": False, "enabled": False}


def test_a_directory_may_refuse_to_disable_an_account(person: str, federate: Federate, connect: Connect) -> None:
    """An LDAP provider that copies nothing has no place for it: the second choice then fails as a whole."""
    with pytest.raises(Exception, match="PUT: answered 400"):
        connect(provider := federate())._blank(f"/admin/realms/sunbird/users/f:{provider}:{person}")


def test_it_listens_on_loopback_and_logs_no_secret(
    session_stack: LocalStack, keycloak_accounts: KeycloakAccounts
) -> None:
    record = RunRecord.read(session_stack.paths.record("keycloak"))
    assert record is not None
    process = psutil.Process(record.pid)
    listening = {one.laddr.ip for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}
    log = session_stack.paths.log("keycloak").read_text()
    assert "Realm 'sunbird' imported" in log or "already exists" in log
    for secret in (keycloak_accounts.settings["sunbird_sso_client_secret"], keycloak_accounts.password):
        assert secret not in log
        assert secret not in " ".join(process.cmdline())


def test_up_prints_the_settings_and_where_the_secret_is(
    local_stack: RunningStack,
    keycloak_accounts: KeycloakAccounts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sso = keycloak_accounts.settings
    configuration = tmp_path / "lern-pipeline.yaml"
    at = local_stack.addresses
    lines = [
        *local_stack.configuration_lines(),
        f"sunbird_sso_url: {sso['sunbird_sso_url']}",
        # Where other tests have started it: `up` tells of all that runs.
        f"es.basePath: {at.opensearch_host}:{at.opensearch_port}",
    ]
    configuration.write_text("\n".join(lines))
    # No setting of the product, which refuses it.
    monkeypatch.delenv(KEEP_VARIABLE, raising=False)
    monkeypatch.setenv("LERN_PIPELINE_CONFIG", str(configuration))
    monkeypatch.setenv("LERN_PIPELINE_LOCAL", str(local_stack.stack.paths.directory))
    assert main(["up", "--with", "keycloak"]) == 0
    printed = capsys.readouterr()
    assert "Keycloak: already up" in printed.err
    secret = sso["sunbird_sso_client_secret"]
    for name, value in sso.items():
        assert f"  {name}: {'(in that file)' if value == secret else value}\n" in printed.err
    assert secret not in printed.err + printed.out
    file = settings_file(local_stack.stack.paths.data("keycloak"))
    assert f"`. {file}`" in printed.err
    assert f"export LERN_PIPELINE_SUNBIRD_SSO_CLIENT_SECRET={secret}\n" in file.read_text()


class Deletion:
    """A user with a row, whom the user service still gives, and a person in the directory."""

    def __init__(self, servers: Servers, store: Path, web: ThirdParty, user: str, sso: dict[str, str]) -> None:
        self._servers, self._store = Servers(servers.addresses, f"{servers.env}{uuid4().hex[:8]}"), store
        self._values = sso | {
            "service.userorg.basePath": web.address,
            "redis-meta.host": servers.addresses.redis_host,
            "redis-meta.port": servers.addresses.redis_port,
            "http.attempts": 1,
        }
        self._user = user
        web.services["users"].add({"users": {user: {"identifier": user, "rootOrgId": "org-1"}}})
        services = services_for(self._servers.settings(JOB, self._values))
        row = [user, user, "org-1", 1, "Asha", 1]
        columns = ("userid", "rootorgid", "status", "firstname")
        try:
            services.rows.apply(RowWrites("sunbird.user", ("id",), columns, rows=[row]))
        finally:
            services.close()
        event = {"mid": f"LP.{user}", "edata": {"action": "delete-user", "userId": user, "organisationId": "org-1"}}
        self._servers.send(self._servers.topic("delete.user"), [json.dumps(event).encode()])

    def run(self, rerun: bool = False, **changed: Any) -> plan.Account:
        settings = self._servers.settings(JOB, self._values | changed)
        services = services_for(settings)
        try:
            run = MicroBatchRun(USER_DELETION_CLEANUP, settings, services, BatchStore(str(self._store), JOB))
            return run.execute(key(str(OffsetRange(0, 0, 1))), 1, rerun).account
        finally:
            services.close()

    def first_name(self) -> Any:
        services = services_for(self._servers.settings(JOB, self._values))
        try:
            rows = list(
                services.rows.select("sunbird.user", ("firstname",), equal=(), within="id", keys=[(self._user,)])
            )
        finally:
            services.close()
        return rows[0][0]

    def audits(self) -> list[str]:
        """The flags of the AUDIT events that went out."""
        topic = f"{self._servers.env}.telemetry.raw"
        sent = [json.loads(record.value) for record in self._servers.records(topic)]
        return [event["edata"]["props"][0] for event in sent]


def test_a_user_is_deleted_once_keycloak_lets_it(
    keycloak_accounts: KeycloakAccounts,
    directory: Directory,
    person: str,
    federate: Federate,
    servers: Servers,
    tmp_path: Path,
) -> None:
    """The whole job: first with a secret that is wrong, then the batch once more."""
    sso = keycloak_accounts.settings | {PROVIDER: federate()}
    with ThirdParty([UserOrganisation()]) as web:
        deletion = Deletion(servers, tmp_path, web, person, sso)
        parked = deletion.run(sunbird_sso_client_secret="another")
        assert (parked.consumed, parked.processed, sum(parked.failed.values())) == (1, 0, 1)
        assert directory.has(person)
        assert deletion.first_name() == ""
        settled = deletion.run(rerun=True)
        assert (settled.consumed, settled.processed, sum(settled.failed.values())) == (1, 1, 0)
        assert not directory.has(person)
        assert keycloak_accounts.named(person) == []
        (audit,) = deletion.audits()
        assert "keycloakCredentials:false" in audit
