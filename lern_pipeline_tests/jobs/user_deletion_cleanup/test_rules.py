"""What becomes of each kind of event and of each thing that is kept of a user (contract 2, 4, 6, 7, 8, 10, 12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest, deletion_request
from lern_pipeline.jobs.user_deletion_cleanup.job import remarks
from lern_pipeline.microbatch.account_reads import BlockedAccount, ReadableAccount
from lern_pipeline_tests.jobs.user_deletion_cleanup.users import (
    CLOCK,
    LAYOUT_A,
    LAYOUT_B,
    LOOKUP,
    MEMBERSHIP,
    USER,
    Users,
    deletion_settings,
)

pytestmark = pytest.mark.rules

DAY = 86_400


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(str(tmp_path))


# --- events


@pytest.mark.parametrize(
    ("edata", "reason"),
    [
        (None, "edata is missing or no object"),
        ([], "edata is missing or no object"),
        ({"organisationId": "o"}, "edata.userId is missing, blank or no text"),
        ({"userId": None, "organisationId": "o"}, "edata.userId is missing, blank or no text"),
        ({"userId": 5, "organisationId": "o"}, "edata.userId is missing, blank or no text"),
        ({"userId": " ", "organisationId": "o"}, "edata.userId is missing, blank or no text"),
        ({"userId": "u"}, "edata.organisationId is missing, blank or no text"),
        ({"userId": "u", "organisationId": None}, "edata.organisationId is missing, blank or no text"),
    ],
)
def test_what_names_nobody_is_skipped(edata: Any, reason: str) -> None:
    assert deletion_request({"edata": edata}) == Skip(reason)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (None, ()),
        ("m-1", ()),
        ({"id": "m-1"}, ()),
        ([], ()),
        (["m-1", None, "m-2", "m-1"], ("m-1", "m-2")),
        ([5, 2.5, True, ["x"], " ", ""], ("5", "2.5", "true", '["x"]')),
        (["m" * 40_000, "m-1"], ("m-1",)),
    ],
)
def test_managed_users(given: Any, taken: tuple[str, ...]) -> None:
    found = deletion_request({"edata": {"userId": "u", "organisationId": "o", "managed_users": given}})
    assert isinstance(found, DeletionRequest)
    assert found.managed_users == taken


def test_neither_eid_nor_action_nor_context_matter() -> None:
    edata = {"userId": "u", "organisationId": "o", "action": "other"}
    assert deletion_request({"eid": "X", "context": "text", "mid": 7, "ets": "x", "edata": edata}) == DeletionRequest(
        "u", "o"
    )


def test_an_id_that_can_be_no_key_is_invalid() -> None:
    with pytest.raises(InvalidEvent, match=r"edata\.userId is longer"):
        deletion_request({"edata": {"userId": "u" * 40_000, "organisationId": "o"}})


# --- validation


@pytest.mark.parametrize(
    "answer",
    [
        ReadableAccount(None, "org-1"),
        ReadableAccount("u-1", None),
        ReadableAccount("", ""),
        ReadableAccount("u-2", "org-1"),
        ReadableAccount("u-1", "org-2"),
    ],
)
def test_an_answer_that_is_not_the_users_skips_the_event(users: Users, answer: ReadableAccount) -> None:
    users.whole("u-1")
    users.world.accounts.answers["u-1"] = answer
    before = users.state()
    users.delete("u-1")
    assert users.run().account.skipped_total == 1
    assert users.state() == before
    assert users.audits() == []


def test_ids_are_compared_ignoring_case_and_the_events_spelling_is_the_key(users: Users) -> None:
    users.row("u-1", rootorgid="ORG-1")
    users.member("u-1", "org-1")
    users.member("u-1", "ORG-1")
    users.blocked("u-1")
    users.delete("u-1", "org-1")
    users.run()
    assert users.membership("u-1", "org-1")[0] is True
    assert users.membership("u-1", "ORG-1")[0] is False


@pytest.mark.parametrize("readable", [True, False])
def test_a_user_without_row_is_parked_with_nothing_written_and_the_next_one_is_handled(
    users: Users, readable: bool
) -> None:
    users.member("u-1")
    (users.readable if readable else users.blocked)("u-1")
    users.whole("u-2")
    users.delete("u-1")
    users.delete("u-2")
    result = users.run()
    assert (result.account.processed, users.parked()) == (1, ["the user has no row"])
    assert users.membership("u-1")[0] is False
    assert users.world.logins.accounts == set()
    assert "remove account u-1" not in users.world.journal


def test_a_blocked_user_without_root_organisation_is_parked(users: Users) -> None:
    users.row("u-1", rootorgid=None)
    users.blocked("u-1")
    users.delete("u-1")
    users.run()
    assert users.parked() == ["the user's row has no rootorgid"]


def test_a_blocked_user_whose_row_has_another_id_is_found_by_a_scan(users: Users) -> None:
    users.world.rows.give(USER, {"id": "other"}, {"userid": "u-1", "rootorgid": "org-1", "status": 2})
    users.member("u-1")
    users.blocked("u-1")
    users.row("u-2")
    users.blocked("u-2")
    users.delete("u-1")
    users.delete("u-2")
    result = users.run()
    assert users.membership("u-1")[0] is True
    # Only who is not found by id is looked for.
    assert users.world.rows.scans[USER] == 1
    assert "found only by looking through the whole table of users: u-1" in result.warnings


def test_another_400_is_taken_as_blocked_and_warned_of(users: Users) -> None:
    users.row("u-1")
    users.member("u-1")
    users.world.accounts.answers["u-1"] = BlockedAccount(other_error=True)
    users.delete("u-1")
    result = users.run()
    assert result.account.processed == 1
    assert "the user service answered 400 for another reason than a blocked account: u-1" in result.warnings


def test_a_late_event_of_an_active_user_is_parked_where_that_is_wanted(tmp_path: Path) -> None:
    now = 1_717_000_000 + 8 * DAY
    for days, parked in (("7", 1), ("9", 0), ("", 0)):
        users = Users(str(tmp_path / f"days{days}"), deletion_settings(user_deletion_max_age_days=days))
        users.whole("u-1")
        users.row("u-2")
        users.blocked("u-2")
        users.delete("u-1")
        users.delete("u-2")
        assert users.run(now).account.failed_total == parked
        assert users.is_blanked("u-1") is not bool(parked)


# --- membership


def test_the_date_of_a_membership_that_is_marked_stays(users: Users) -> None:
    users.whole("u-1")
    users.member("u-1", isdeleted=True, orgleftdate="2024-01-02 03:04:05:006+0000")
    users.delete("u-1")
    users.run()
    assert users.membership("u-1") == (True, "2024-01-02 03:04:05:006+0000")


@pytest.mark.parametrize("marked", [{"isdeleted": True}, {"orgleftdate": "2023-01-01 00:00:00:000+0000"}])
def test_one_half_of_the_mark_is_none(users: Users, marked: dict[str, Any]) -> None:
    users.whole("u-1")
    users.member("u-1", **marked)
    users.delete("u-1")
    users.run()
    assert users.membership("u-1") == (True, "2024-06-01 09:15:30:123+0000")


def test_no_membership_and_no_managed_user_is_made(users: Users) -> None:
    users.row("u-1")
    users.member("u-1", "org-sub")
    users.blocked("u-1")
    users.delete("u-1", managed_users=["nobody"])
    result = users.run()
    assert [row["organisationid"] for row in users.world.rows.rows(MEMBERSHIP)] == ["org-sub"]
    assert users.membership("u-1", "org-sub")[0] is False
    assert [row["id"] for row in users.world.rows.rows(USER)] == ["u-1"]
    assert "no membership in the organisation, and none was made: u-1" in result.warnings
    assert "managed users without a row, and none was made: nobody" in result.warnings


# --- look-ups and identities


def test_a_lookup_goes_only_while_it_is_the_users(users: Users) -> None:
    users.whole("u-1")
    users.lookup("email", "Eu-1==", "u-2")
    users.delete("u-1")
    result = users.run()
    assert users.lookups() == [("email", "Eu-1==")]
    assert result.plan.metrics["lookups-deleted-count"] == 3


def test_blank_values_have_no_lookup(users: Users) -> None:
    users.row("u-1", email="", phone=" ", username=None)
    users.lookup("phone", " ", "u-1")
    users.readable("u-1")
    users.delete("u-1")
    users.run()
    assert users.world.rows.rows(LOOKUP) != []
    assert users.is_blanked("u-1")


@pytest.mark.parametrize("layout", [LAYOUT_A, LAYOUT_B], ids=["A", "B"])
def test_identities_of_others_stay(layout: tuple[str, ...], tmp_path: Path) -> None:
    users = Users(str(tmp_path), layout=layout)
    users.whole("u-1")
    users.identity("u-2", "org-1", "org-1", "K-other")
    users.delete("u-1")
    users.run()
    assert users.identities() == ["K-other"]


def test_an_identity_that_was_given_to_another_user_meanwhile_stays_in_layout_a(users: Users) -> None:
    users.whole("u-1")
    users.world.logins.before = lambda user: users.identity("u-2", "org-1", "org-1", "K-u-1")
    users.delete("u-1")
    users.run()
    assert users.identities() == ["K-u-1"]


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
def test_what_else_is_kept_of_managed_users_goes_where_that_is_wanted(
    wanted: bool, readable: bool, tmp_path: Path
) -> None:
    users = Users(str(tmp_path), deletion_settings(user_deletion_managed_lookups_enabled=str(wanted).lower()))
    users.whole("u-1")
    users.whole("m-1")
    if not readable:
        users.blocked("u-1")
    users.delete("u-1", managed_users=["m-1", "nobody"])
    result = users.run()
    assert result.account.processed == 1
    assert users.is_blanked("m-1")
    of_the_user = [] if readable else ["K-u-1", "t-u-1"]
    assert users.identities() == sorted([*of_the_user, *([] if wanted else ["K-m-1", "t-m-1"])])
    assert len(users.lookups()) == (0 if readable else 4) + (0 if wanted else 4)
    # Account and membership of managed users stay in any case.
    assert "m-1" in users.world.logins.accounts
    assert users.membership("m-1")[0] is False
    assert len(users.audits()) == readable


# --- order, Keycloak, repetition


def test_the_order_of_the_steps(users: Users) -> None:
    users.whole("u-1", managed=("m-1",))
    users.delete("u-1", managed_users=["m-1"])
    users.run()
    steps = [line for line in users.world.journal if not line.startswith(("claim", "outcome", "plan", "read", "arch"))]
    assert list(dict.fromkeys(steps)) == [
        f"rows {MEMBERSHIP}",
        "remove account u-1",
        f"delete {LOOKUP}",
        "delete sunbird.usr_external_identity",
        "cache redis-meta/12",
        f"rows {USER}",
        "publish test.telemetry.raw",
        "commit",
    ]
    ids = [row[0] for writes in users.world.rows.written if writes.table == USER for row in writes.rows]
    assert ids == ["u-1", "m-1"]


def test_an_account_that_is_gone_is_warned_of_by_the_provider(users: Users) -> None:
    users.whole("u-1")
    users.world.logins.accounts.clear()
    users.delete("u-1")
    result = users.run()
    assert result.account.processed == 1
    assert "keycloakCredentials:true" in users.audits()[0]["edata"]["props"][0]
    (warning,) = result.warnings
    assert "sunbird_keycloak_user_federation_provider_id is not fp1" in warning


def test_without_keycloak_all_else_is_done_and_it_is_made_up_for_later(tmp_path: Path) -> None:
    users = Users(str(tmp_path), deletion_settings(sunbird_sso_client_secret=""))
    users.whole("u-1")
    users.delete("u-1")
    result = users.run()
    assert result.account.processed == 1
    assert users.is_blanked("u-1")
    assert "keycloakCredentials:false" in users.audits()[0]["edata"]["props"][0]
    why = "which is not configured: sunbird_sso_client_secret is not set"
    assert result.warnings == [f"1 deletions without Keycloak, {why}"]
    assert remarks(users.settings) == (
        "user-deletion-cleanup removes no accounts at Keycloak: sunbird_sso_client_secret is not set",
    )
    users.settings = deletion_settings()
    assert remarks(users.settings) == ()
    users.rerun()
    assert users.world.logins.accounts == set()
    assert len(users.audits()) == 1


def test_keycloak_trouble_of_one_user_is_not_the_others(users: Users) -> None:
    for user in ("u-1", "u-2", "u-3"):
        users.whole(user)
        users.delete(user)
    users.world.logins.trouble["u-2"] = "token: answered 503"
    result = users.run()
    assert (result.account.processed, result.account.failed_total) == (2, 1)
    assert result.plan.metrics["keycloak-failure-count"] == 1
    assert all(users.is_blanked(user) for user in ("u-1", "u-2", "u-3"))
    assert "1 effects did not work and are still owed: see the asset unfinished_effects" in result.warnings


def test_a_parked_account_is_removed_when_the_event_comes_again(users: Users) -> None:
    users.whole("u-1")
    users.world.logins.trouble["u-1"] = "DELETE: answered 500; GET: answered 500"
    users.delete("u-1")
    users.run()
    users.world.logins.trouble.clear()
    users.delete("u-1")
    assert users.run(CLOCK + 60).account.processed == 1
    assert users.world.logins.accounts == set()
    assert users.world.ledger.unfinished("user-deletion-cleanup") == []
    assert len(users.audits()) == 1


def test_an_operator_sends_or_drops_what_is_owed(users: Users) -> None:
    for user in ("u-1", "u-2"):
        users.whole(user)
        users.delete(user)
        users.world.logins.trouble[user] = "token: answered 401, check sunbird_sso_client_secret"
    users.run()
    ledger = users.world.ledger
    keys = {line.to_whom: line.key for line in ledger.unfinished("user-deletion-cleanup")}
    assert ledger.settle("user-deletion-cleanup", keys["u-1"], send=True)
    assert ledger.settle("user-deletion-cleanup", keys["u-2"], send=False)
    # Keycloak is still not well: it stays owed, and shown.
    assert users.rerun().account.failed_total == 1
    assert [line.to_whom for line in ledger.unfinished("user-deletion-cleanup")] == ["u-1"]
    users.world.logins.trouble.clear()
    assert users.rerun(CLOCK + 7200).account.processed == 2
    assert users.world.logins.accounts == {"u-2"}
    assert ledger.unfinished("user-deletion-cleanup") == []


def test_what_was_begun_with_a_readable_user_is_ended_also_when_the_service_blocks_the_user_then(users: Users) -> None:
    users.whole("u-1")
    users.world.logins.trouble["u-1"] = "DELETE: answered 500; GET: answered 500"
    users.delete("u-1")
    users.run()
    users.world.logins.trouble.clear()
    users.blocked("u-1")
    assert users.rerun().account.processed == 1
    assert users.world.logins.accounts == set()
    assert len(users.audits()) == 1


def test_one_audit_event_per_input_event(users: Users) -> None:
    users.whole("u-1")
    users.delete("u-1", mid="a")
    users.delete("u-1", mid="a")
    users.delete("u-1", mid="b")
    users.run()
    assert len(users.audits()) == 2
    users.delete("u-1", mid="b")
    users.delete("u-1", mid=None)
    users.delete("u-1", mid=None)
    users.run(CLOCK + 60)
    assert len(users.audits()) == 4
    users.rerun()
    assert len(users.audits()) == 4
    # All in one batch ask for the removal once; done again is no new call for an event that is known.
    assert users.world.journal.count("remove account u-1") == 2


def test_events_of_one_user_and_two_organisations_are_judged_apart(users: Users) -> None:
    users.whole("u-1")
    users.delete("u-1", "org-2", mid="a")
    users.delete("u-1", "org-1", mid="b")
    users.delete("u-1", "ORG-1", mid="c")
    result = users.run()
    assert (result.account.processed, result.account.skipped_total) == (2, 1)
    assert {audit["context"]["channel"] for audit in users.audits()} == {"org-1", "ORG-1"}


def test_a_user_is_read_once_per_batch(users: Users) -> None:
    users.whole("u-1")
    for mid in "abc":
        users.delete("u-1", mid=mid)
    users.run()
    assert users.world.accounts.asked == ["u-1"]


def test_nothing_personal_is_told_or_kept_in_the_ledger(users: Users) -> None:
    users.whole("u-1")
    users.world.logins.trouble["u-1"] = "DELETE: answered 500; GET: answered 500"
    users.delete("u-1", userName="asha-name")
    result = users.run()
    told = repr([result.warnings, result.account, users.audits(), users.world.ledger.known, users.world.ledger.lines])
    for personal in ("asha-name", "Asha", "Eu-1", "Pu-1", "Nu-1", "K-u-1"):
        assert personal not in told


def test_an_id_that_could_hold_anything_is_not_shown(users: Users) -> None:
    users.row("u-1")
    users.blocked("u-1")
    users.delete("u-1", managed_users=["asha@example.org", "5f34-e446", "a b"])
    (_, warning) = users.run().warnings
    assert warning.startswith("managed users without a row, and none was made: sha256:")
    assert "5f34-e446" in warning
    assert "asha" not in warning
