"""The worked examples of the contract, section 16, on stores in memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lern_pipeline.microbatch.account_reads import AccountNotRead
from lern_pipeline_tests.jobs.user_deletion_cleanup.users import LAYOUT_A, LAYOUT_B, LOOKUP, Users

pytestmark = pytest.mark.contracts

LEFT = "2024-06-01 09:15:30:123+0000"
FLAGS = "{{redisCache:true, userTable:true, userLookUpTable:true, keycloakCredentials:{}, userExternalIdTable:true}}"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(str(tmp_path))


def asha(users: Users) -> None:
    """Of U-E2."""
    users.row("u-7", email="E7==", phone="P7==", username="N7==", firstname="Asha")
    users.member("u-7")
    users.identity("u-7", "org-1", "org-1", "k-7")
    users.identity("u-7", "declared-ext-id", "org-2", "t-55")
    for type_, value in (("email", "E7=="), ("phone", "P7=="), ("username", "N7=="), ("externalid", "k-7@org-1")):
        users.lookup(type_, value, "u-7")
    users.cached("u-7")
    users.readable("u-7")
    users.world.logins.accounts.add("u-7")


def test_u_e1_the_service_has_deleted_the_user(users: Users) -> None:
    users.row("u-9", status=2)
    users.row("m-1", firstname="Nila")
    users.member("u-9")
    users.cached("u-9")
    users.cached("m-1")
    users.blocked("u-9")
    users.delete("u-9", managed_users=["m-1", None])
    result = users.run()
    assert users.membership("u-9") == (True, LEFT)
    assert users.is_blanked("m-1")
    assert "firstname" not in users.columns("u-9")
    assert users.hashes() == set()
    assert users.audits() == []
    assert not any("remove account" in line for line in users.world.journal)
    assert (result.plan.metrics["total-delete-events-count"], result.plan.metrics["api-read-success-count"]) == (1, 1)


@pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])
def test_u_e2_the_user_is_still_active(layout: tuple[str, ...], tmp_path: Path) -> None:
    users = Users(str(tmp_path), layout=layout)
    asha(users)
    users.delete("u-7")
    result = users.run()
    assert result.account.processed == 1
    assert users.membership("u-7") == (True, LEFT)
    assert users.world.logins.accounts == set()
    assert (users.lookups(), users.identities(), users.hashes()) == ([], [], set())
    assert users.is_blanked("u-7")
    (audit,) = users.audits()
    context = audit["context"]
    assert UUID.fullmatch(audit.pop("mid").removeprefix("LP.AUDIT."))
    assert UUID.fullmatch(context.pop("sid")) and UUID.fullmatch(context.pop("did"))
    assert audit == {
        "actor": {"id": "u-7", "type": "User"},
        "eid": "AUDIT",
        "edata": {"props": [FLAGS.format("true")], "type": "DeleteUserStatus", "status": "Delete"},
        "ver": "3.0",
        "syncts": 1717233330123,
        "ets": 1717233330123,
        "context": {
            "channel": "org-1",
            "env": "User",
            "pdata": {"ver": "3.0", "id": "org.sunbird.learning.platform", "pid": "user-delete"},
            "cdata": [{"type": "User", "id": "u-7"}],
        },
        "object": {"id": "u-7", "type": "User"},
        "tags": [],
    }
    assert list(audit) == ["actor", "eid", "edata", "ver", "syncts", "ets", "context", "object", "tags"]
    (message,) = users.world.broker.published
    assert (message.topic, message.key) == ("test.telemetry.raw", None)


def test_u_e3_the_wrong_organisation(users: Users) -> None:
    asha(users)
    before = users.state()
    users.delete("u-7", "org-2")
    result = users.run()
    assert users.state() == before
    assert result.plan.metrics["skipped-message-count"] == 1
    assert result.plan.metrics["api-read-success-count"] == 1


def test_u_e4_keycloak_fails_altogether_and_is_asked_again(users: Users) -> None:
    asha(users)
    users.world.logins.trouble["u-7"] = "DELETE: answered 500; GET: answered 500"
    users.delete("u-7")
    result = users.run()
    assert (result.account.processed, result.account.failed_total) == (0, 1)
    assert users.is_blanked("u-7")
    assert (users.lookups(), users.identities(), users.hashes()) == ([], [], set())
    assert [audit["edata"]["props"] for audit in users.audits()] == [[FLAGS.format("false")]]
    assert users.parked() == ["the account at Keycloak could not be removed: DELETE: answered 500; GET: answered 500"]
    (line,) = users.world.ledger.unfinished("user-deletion-cleanup")
    assert (line.what, line.to_whom, line.batch) == (
        "removal of the account at Keycloak",
        "u-7",
        str(users.keys[0]),
    )
    users.world.logins.trouble.clear()
    assert users.rerun().account.processed == 1
    assert users.world.logins.accounts == set()
    assert len(users.audits()) == 1
    assert users.world.ledger.unfinished("user-deletion-cleanup") == []


def test_u_e5_redis_was_down_after_the_user_row_was_blanked(users: Users) -> None:
    """What the existing job leaves, and the event again."""
    users.row("u-7", status=2, email="", phone="", username="")
    users.member("u-7", isdeleted=True, orgleftdate="2024-05-31 00:00:00:000+0000")
    users.identity("u-7", "declared-ext-id", "org-2", "t-55")
    users.cached("u-7")
    users.readable("u-7")
    users.delete("u-7")
    users.run()
    assert users.membership("u-7") == (True, "2024-05-31 00:00:00:000+0000")
    assert (users.identities(), users.hashes()) == ([], set())
    assert len(users.audits()) == 1


def test_u_e6_unknown_and_unreadable_users(users: Users) -> None:
    users.world.accounts.answers["u-2"] = AccountNotRead("user read: answered 503")
    users.delete("u-1")
    users.delete("u-2")
    result = users.run()
    assert result.account.skipped == {"the user service knows no such user": 1}
    assert users.parked() == ["user read: answered 503"]
    assert users.world.rows.rows(LOOKUP) == []
    assert result.plan.metrics["api-read-miss-count"] == 2
