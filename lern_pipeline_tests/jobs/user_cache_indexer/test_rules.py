"""Each field and its source, and what a stored hash loses."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.jobs.user_cache_indexer.reference_data import (
    Declaration,
    ExternalIdentity,
    Location,
    Organisation,
    ReferenceData,
)
from lern_pipeline.jobs.user_cache_indexer.rules import Indexed, change_of, index_user
from lern_pipeline.jobs.user_cache_indexer.user_row import EXTENDED_COLUMNS, UserRow
from lern_pipeline.microbatch.plan import UpdateHash
from lern_pipeline.microbatch.user_directory import NoAnswer

pytestmark = pytest.mark.rules

DATA = ReferenceData(
    custodian="cust",
    memberships={"u": ["cust"]},
    organisations={
        "cust": Organisation("Custodian [C]", None, 5),
        "s-1": Organisation("First", "29[1]", 2),
        "s-2": Organisation("Second", None, 2),
        "kar": Organisation("Kar", None, 5, ["l1", "l2"]),
        "goa": Organisation(None, None, 5, None, '[{"type":"state","id":"l9"},{"id":null}]'),
    },
    locations={
        "L1": Location("Karnataka [K]", "state"),
        "L2": Location(None, "district"),
        "L3": Location("C", "cluster"),
    },
    categories={"kar": ("board", "gradeLevel"), "down": NoAnswer("framework-read: answered 500")},
)


def fields(data: ReferenceData = DATA, **columns: Any) -> dict[str, str]:
    return index_user(UserRow("u", "u", **columns), data).fields


@pytest.mark.parametrize("name", ["firstname", "lastname", "email", "phone", "rootorgid"])
def test_copied_columns(name: str) -> None:
    assert fields(**{name: "a[1] & b"})[name] == "a\\[1\\] & b"
    assert fields(**{name: ""})[name] == ""
    assert name not in fields(**{name: None})


@pytest.mark.parametrize("status", [0, 1, 2])
def test_status_is_whole(status: int) -> None:
    assert fields(status=status)["status"] == str(status)


def test_no_status_is_no_field() -> None:
    assert "status" not in fields()


@pytest.mark.parametrize(("root", "expected"), [("cust", "Self-Signed-In"), ("kar", "Validated"), (None, "Validated")])
def test_sign_in_type(root: str | None, expected: str) -> None:
    assert fields(rootorgid=root)["usersignintype"] == expected


@pytest.mark.parametrize(
    ("root", "expected"), [("cust", "Custodian \\[C\\]"), ("goa", ""), ("unknown", ""), (None, "")]
)
def test_orgname_is_that_of_the_root_organisation(root: str | None, expected: str) -> None:
    assert fields(rootorgid=root)["orgname"] == expected


def test_without_a_membership_there_is_no_orgname() -> None:
    assert "orgname" not in index_user(UserRow("v", "v", rootorgid="cust"), DATA).fields


def framework_fields(**framework: list[str]) -> dict[str, str]:
    return {k: v for k, v in fields(framework=framework).items() if k.startswith("framework_")}


def test_framework_lists_are_those_of_the_users_own_framework() -> None:
    assert framework_fields(id=["kar", "x"], board=["A & B", "ü"], gradeLevel=[], medium=["m"]) == {
        "framework_id": "kar",
        "framework_board": '["A & B","ü"]',
    }


@pytest.mark.parametrize("framework", [{}, {"board": ["b"]}, {"id": [], "board": ["b"]}, {"id": [""], "board": ["b"]}])
def test_without_a_framework_there_are_no_framework_fields(framework: dict[str, list[str]]) -> None:
    assert framework_fields(**framework) == {}


def test_of_an_unknown_framework_the_id_is_written_and_stored_lists_stay() -> None:
    indexed = index_user(UserRow("u", "u", framework={"id": ["down"], "board": ["b"]}), DATA)
    assert indexed.fields["framework_id"] == "down"
    assert "framework_board" not in indexed.fields
    change = change_of("k", {"framework_board": "old"}, indexed, clean=True)
    assert change is not None
    assert change.removed == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"type":"STATE","id":"L1"}]', {"state": "Karnataka \\[K\\]"}),
        ('[{"type":"state","id":"L1"},{"type":"state","id":"L9"}]', {"state": "Karnataka \\[K\\]"}),
        ('[{"type":"state","id":"L9"},{"type":"state","id":"L1"}]', {}),
        ('[{"type":"district","id":"L2"}]', {}),
        ('[{"type":"district","id":"L1"}]', {}),
        ('[{"type":"cluster","id":"L3"},null,{"type":"state"}]', {"cluster": "C"}),
        ('[{"type":"zone","id":"L1"}]', {}),
        ("[]", {}),
        ("null", {}),
        ("", {}),
        (None, {}),
    ],
)
def test_locations(text: str | None, expected: dict[str, str]) -> None:
    indexed = index_user(UserRow("u", "u", profilelocation=text), DATA)
    assert {k: v for k, v in indexed.fields.items() if k in ("state", "district", "block", "cluster")} == expected
    assert indexed.unusable == []


@pytest.mark.parametrize(
    "text", ["{broken", "{}", '"x"', "[1]", '[{"id":"L1"}]', '[{"type":null,"id":"L1"}]', '[{"type":"a","id":1}]']
)
def test_a_location_column_that_cannot_be_used_is_empty_and_counted(text: str) -> None:
    good = '[{"type":"state","id":"L1"}]'
    assert index_user(UserRow("u", "u", profilelocation=good), DATA).unusable == []
    indexed = index_user(UserRow("u", "u", profilelocation=text), DATA)
    assert indexed.unusable == ["profilelocation"]
    assert "state" not in indexed.fields


def types(text: str | None) -> tuple[str, str, str]:
    found = fields(profileusertypes=text)
    return found["usertype"], found["usersubtype"], found["profileusertypes"]


def test_user_types() -> None:
    text = '[{"type":"b","subType":"x"},null,{"subType":null,"type":"a"},{"type":"b"},{"type":"","subType":"[y]"}]'
    assert types(text) == (
        "b,a",
        "x,\\[y\\]",
        '[{"type":"b","subType":"x"},{"type":"a"},{"type":"b"},{"type":"","subType":"[y]"}]',
    )
    assert types("[]") == ("", "", "[]")
    assert types(None) == types("") == ("", "", "")


@pytest.mark.parametrize("text", ["[", '[{"type":1}]', '{"type":"a"}'])
def test_user_types_that_cannot_be_used(text: str) -> None:
    assert types(text) == ("", "", "")
    assert index_user(UserRow("u", "u", profileusertypes=text), DATA).unusable == ["profileusertypes"]


@pytest.mark.parametrize(
    ("memberships", "expected"),
    [
        (["cust", "s-1"], {"schoolname": "First", "schooludisecode": "29\\[1\\]"}),
        (["s-2", "s-1"], {"schoolname": "Second"}),
        (["kar", "unknown"], {}),
    ],
)
def test_the_school_is_the_one_with_the_greatest_id(memberships: list[str], expected: dict[str, str]) -> None:
    data = ReferenceData("cust", {"u": memberships}, DATA.organisations)
    assert {k: v for k, v in fields(data).items() if k.startswith("school")} == expected


# --- what a stored hash loses

STORED = {
    "firstname": "A",
    "lastname": "old",
    "state": "s",
    "block": "b",
    "schoolname": "",
    "framework_x": "[]",
    "userlogintype": "teacher",
    "language": "",
}
NOW = Indexed({"firstname": "A", "state": "t"})


def test_an_update_takes_away_what_moves_with_the_user() -> None:
    expected = UpdateHash("k", ("block", "framework_x", "schoolname"), {"state": "t"})
    assert change_of("k", STORED, NOW, clean=False) == expected


def test_a_refresh_takes_away_all_but_the_login_type() -> None:
    expected = UpdateHash("k", ("block", "framework_x", "language", "lastname", "schoolname"), {"state": "t"})
    assert change_of("k", STORED, NOW, clean=True) == expected


def test_what_is_right_is_left_alone() -> None:
    assert change_of("k", NOW.fields | {"lastname": ""}, NOW, clean=False) is None


# --- the extended set


def extended(data: ReferenceData = DATA, root: str = "cust", **columns: Any) -> dict[str, str]:
    every: dict[str, Any] = dict.fromkeys(EXTENDED_COLUMNS)
    return fields(data, rootorgid=root, updateddate="d", extended=every | columns)


def test_extended_columns_as_text() -> None:
    found = extended(
        phoneverified=True,
        emailverified=False,
        flagsvalue=3,
        createdby="c[]",
        roles=["A", "B"],
        createddate="d",
        isdeleted=False,
        loginid="L==",
        username="U==",
        locationids=["x"],
        channel="ch",
    )
    core = fields(rootorgid="cust", updateddate="d")
    assert {name: value for name, value in found.items() if name not in core} == {
        "id": "u",
        "updateddate": "d",
        "phoneverified": "true",
        "emailverified": "false",
        "flagsvalue": "3",
        "createdby": "c\\[\\]",
        "roles": '["A","B"]',
        "createddate": "d",
        "isdeleted": "false",
        "loginid": "L==",
        "username": "U==",
        "locationids": '["x"]',
    }
    assert extended().keys() - core.keys() == {"id", "updateddate"}


@pytest.mark.parametrize(("root", "expected"), [("kar", '["l1","l2"]'), ("goa", '["l9"]'), ("unknown", None)])
def test_location_ids_of_a_tenants_user_are_the_root_organisations(root: str, expected: str | None) -> None:
    assert extended(root=root, locationids=["own"]).get("locationids") == expected


@pytest.mark.parametrize(
    ("root", "channel", "declarations", "identities", "expected"),
    [
        ("cust", None, [Declaration("o", "TEACHER", "T")], [ExternalIdentity("declared-ext-id", "p", "I")], "T"),
        ("cust", None, [Declaration("o", "admin", "T")], [ExternalIdentity("declared-ext-id", "p", "I")], "I"),
        ("cust", None, [Declaration("o", "teacher", None)], [ExternalIdentity("cust", "cust", "I")], None),
        ("kar", "ch", [Declaration("o", "teacher", "T")], [ExternalIdentity("kar", "kar", "I")], "I"),
        ("kar", "ch", [], [ExternalIdentity("ch", "ch", "C"), ExternalIdentity("kar", "kar", "I")], "I"),
        ("kar", "ch", [], [ExternalIdentity("ch", "ch", "C"), ExternalIdentity("kar", "x", "I")], "C"),
        ("kar", None, [], [], None),
    ],
)
def test_external_id(
    root: str,
    channel: str | None,
    declarations: list[Declaration],
    identities: list[ExternalIdentity],
    expected: str | None,
) -> None:
    data = ReferenceData("cust", declarations={"u": declarations}, identities={"u": identities})
    assert extended(data, root, channel=channel).get("externalid") == expected
