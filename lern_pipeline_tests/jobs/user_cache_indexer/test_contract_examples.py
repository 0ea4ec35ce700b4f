"""The worked examples of the contract, section 12."""

from __future__ import annotations

import pytest

from lern_pipeline_tests.jobs.user_cache_indexer.cassandra_users import (
    U1,
    U1_HASH,
    Indexing,
    give_membership,
    settings,
)

pytestmark = pytest.mark.contracts


def test_x1_a_custodian_user_with_full_data(indexing: Indexing) -> None:
    indexing.user("u1", ("org-cust", "org-s1"), **U1)
    tally = indexing.run()
    assert indexing.hash_of("u1") == U1_HASH
    assert (tally.selected, tally.written, tally.unusable) == (1, 1, {})


def test_x2_a_tenants_user_of_whom_little_is_known(indexing: Indexing) -> None:
    indexing.user("u2", firstname="Mina", rootorgid="org-kar", status=0, profileusertypes="")
    indexing.run()
    assert indexing.hash_of("u2") == {
        "firstname": "Mina",
        "rootorgid": "org-kar",
        "status": "0",
        "usersignintype": "Validated",
        "usertype": "",
        "usersubtype": "",
        "profileusertypes": "",
    }


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "UTC"])
def test_x3_users_updated_since_a_day(indexing: Indexing, zone: str) -> None:
    indexing.user("u1", updateddate="2024-05-02 10:00:00:000+0530")
    indexing.user("u2", updateddate="2024-05-01 23:59:59:000+0530")
    indexing.user("u3", updateddate=None)
    indexing.user("u4", updateddate="lately")
    assert indexing.run(from_specific_date="2024-05-02", zone=zone).selected == 2
    assert set(indexing.hashes()) == {"user:u1", "user:u3"}


def test_the_zone_decides_the_day(indexing: Indexing) -> None:
    indexing.user("u1", updateddate="2024-05-02 01:00:00:000+0530")
    assert indexing.run(from_specific_date="2024-05-02", zone="UTC").selected == 0
    assert indexing.run(from_specific_date="2024-05-02", zone="Asia/Kolkata", attempts_of="run-2").selected == 1


def test_x4_a_refresh_keeps_anonymous_users_and_login_types(indexing: Indexing) -> None:
    indexing.user("u1", ("org-cust", "org-s1"), **U1)
    indexing.give_hash("anon9", {"usersignintype": "Anonymous", "userlogintype": "student"})
    indexing.give_hash("u1", {"firstname": "Old", "userlogintype": "teacher", "block": "Old", "usersignintype": "x"})
    indexing.give_hash("gone", {"usersignintype": "Validated"})
    tally = indexing.run("refresh")
    assert indexing.hashes() == {
        "user:anon9": {"usersignintype": "Anonymous", "userlogintype": "student"},
        "user:u1": U1_HASH | {"userlogintype": "teacher"},
    }
    assert indexing.backed_up == [("anon9", "Anonymous", "student")]
    assert (tally.anonymous_backed_up, tally.keys_deleted) == (1, 1)


def test_x5_a_column_that_cannot_be_read_costs_its_own_fields_alone(indexing: Indexing) -> None:
    indexing.user("u1", ("org-cust", "org-s1"), **U1)
    indexing.user("u4", ("org-s1",), **(U1 | {"userid": "u4", "profilelocation": "{broken"}))
    tally = indexing.run()
    assert indexing.hash_of("u1") == U1_HASH
    located = {"state", "district"}
    assert indexing.hash_of("u4") == {name: value for name, value in U1_HASH.items() if name not in located}
    assert tally.unusable == {"profilelocation": 1}
    assert tally.written == 2


def test_x6_the_extended_set(indexing: Indexing) -> None:
    indexing.settings = settings(extended_fields_enabled="true")
    rows = indexing.world.rows
    indexing.user("u1", ("org-cust",), **U1)
    indexing.user("u2", rootorgid="org-kar")
    rows.give(
        "sunbird.user_declarations",
        {"userid": "u1", "orgid": "org-kar", "persona": "Teacher"},
        {"userinfo": {"declared-ext-id": "T-55"}},
    )
    rows.give(
        "sunbird.usr_external_identity",
        {"provider": "org-kar", "idtype": "org-kar", "externalid": "k-7"},
        {"userid": "u2"},
    )
    indexing.run()
    assert indexing.hash_of("u1")["externalid"] == "T-55"
    assert indexing.hash_of("u2")["externalid"] == "k-7"
    assert indexing.hash_of("u1").items() >= {"id": "u1", "firstname": "Ravi"}.items()


def test_a_deleted_membership_is_none(indexing: Indexing) -> None:
    indexing.user("u1", **U1)
    give_membership(indexing.world.rows, "u1", "org-s1", True)
    give_membership(indexing.world.rows, "u1", "org-cust", None)
    indexing.run()
    assert indexing.hash_of("u1").keys().isdisjoint({"orgname", "schoolname", "schooludisecode"})
