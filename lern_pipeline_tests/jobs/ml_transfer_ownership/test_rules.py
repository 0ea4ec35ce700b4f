"""Transfers one by one and many in a batch (contract 2 to 7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lern_pipeline.events.validation import Skip
from lern_pipeline.jobs.ml_transfer_ownership.transfer_event import Transfer, transfer
from lern_pipeline_tests.jobs.manage_learn.manage_learn import (
    P1,
    P2,
    P9,
    R1,
    R2,
    S1,
    S2,
    ManageLearn,
    handing_over,
    one,
    role,
    user,
)
from lern_pipeline_tests.jobs.ml_transfer_ownership.test_contract_examples import given_roles, roles_of, solution

pytestmark = pytest.mark.rules


def parked(edata: Any) -> bool:
    work = transfer({"edata": edata})
    return isinstance(work, Skip) and work.error is not None


@pytest.mark.parametrize(
    "edata",
    [
        handing_over(old=""),
        handing_over(old=None),
        handing_over(old=7),
        handing_over(new=" "),
        handing_over(new="u-old"),
        handing_over(asset={"objectType": "solution"}),
        handing_over(asset={"identifier": S1["$oid"]}),
        handing_over(asset={"objectType": "program", "identifier": ""}),
        handing_over(asset={"other": 1}),
        handing_over(asset="solution"),
        handing_over(asset=[]),
        handing_over(asset={"objectType": "solution", "identifier": "do_1"}),
        handing_over(asset={"objectType": "program", "identifier": S1["$oid"] + "\n"}),
        handing_over(asset=one("solution", S1), first_name=5),
        handing_over(roles="HM"),
        handing_over(roles=("HM", 5)),
        handing_over(actionBy={"userId": ["adm"]}),
        None,
    ],
    ids=str,
)
def test_what_cannot_be_used_is_skipped_and_parked(edata: Any) -> None:
    assert parked(edata)


@pytest.mark.parametrize("kind", ["Solution", "PROGRAM", "QuestionSet"])
def test_other_types_are_skipped_only(kind: str) -> None:
    assert transfer({"edata": handing_over(asset={"objectType": kind, "identifier": "x"})}) == Skip(
        "another type of asset"
    )


@pytest.mark.parametrize("asset", [None, {}])
def test_without_asset_information_it_is_all_assets(asset: Any) -> None:
    work = transfer({"edata": handing_over(asset=asset)})
    assert isinstance(work, Transfer)
    assert work.is_of_all_assets


def test_what_a_mode_does_not_look_at_may_be_anything() -> None:
    assert isinstance(transfer({"edata": handing_over(asset=one("solution", S1), roles=7, actionBy=9)}), Transfer)


def test_without_a_first_name_the_names_stay(there: ManageLearn) -> None:
    there.give("solutions", {**solution(S1, name="Old"), "license": "text"})
    there.publish_edata(handing_over(asset=one("solution", S1), first_name=""))
    there.run()
    assert there.documents("solutions") == [{**solution(S1, "u-new", "Old"), "license": "text"}]


@pytest.mark.parametrize("odd", [None, "CC BY", 3, ["x"], [{"author": "Old"}]])
def test_a_license_that_is_no_object_becomes_one(there: ManageLearn, odd: Any) -> None:
    there.give("solutions", {**solution(S1), "license": odd})
    there.publish_edata(handing_over(asset=one("solution", S1)))
    assert there.run().account.processed == 1
    assert there.document("solutions", S1)["license"] == {"author": "Nila", "creator": "Nila"}


def test_a_solution_that_is_handed_on_in_one_batch_is_updated_once(there: ManageLearn) -> None:
    there.give("solutions", solution(S1), solution(S2, "u-third", "Third"))
    there.publish_edata(handing_over(asset=one("solution", S1)))
    there.publish_edata(handing_over("u-new", "u-third", first_name="Pia"))
    (solutions,) = there.run().plan.documents
    assert [update.change["$set"].get("author") for update in solutions.updates] == [None, "u-third"]
    assert there.documents("solutions") == [solution(S1, "u-third", "Pia"), solution(S2, "u-third", "Third")]


def test_partitions_are_taken_side_by_side_in_time(there: ManageLearn) -> None:
    """The later transfer stands in the partition that comes first."""
    there.give("solutions", solution(S1))
    there.world.broker.append(b"{}", 0)
    there.publish_edata(handing_over(asset=one("solution", S1)), partition=1)
    there.publish_edata(handing_over("u-new", "u-third", one("solution", S1)), partition=0)
    there.run()
    assert there.document("solutions", S1)["author"] == "u-third"


def test_what_somebody_is_given_does_not_move_on_when_the_updates_are_made_again(there: ManageLearn) -> None:
    """First the old owner's go to the new one, then the old one gets others': those stay."""
    there.give("solutions", solution(S1, "u-a"), solution(S2, "u-c"))
    there.publish_edata(handing_over("u-a", "u-b"))
    there.publish_edata(handing_over("u-c", "u-a"))
    plan = there.run().plan
    state = there.state()
    for updates in plan.documents:
        assert there.world.documents.apply(updates) == []
    assert there.state() == state
    assert [document["author"] for document in there.documents("solutions")] == ["u-b", "u-a"]


def test_a_role_that_the_new_owner_lacks_goes_with_this_program_only(there: ManageLearn) -> None:
    there.give("userExtension", user("u-old", role(R1, "PM", P1, P2), role(R2, "HM")), user("u-new"))
    there.publish_edata(handing_over(asset=one("program", P1)))
    there.run()
    assert roles_of(there, "u-new") == [role(R1, "PM", P1)]
    assert roles_of(there, "u-old") == [role(R1, "PM", P2), role(R2, "HM")]


def test_roles_are_completed_once_and_only_known_ones(there: ManageLearn) -> None:
    given_roles(there)
    there.give("userRoles", {"_id": P9, "code": "PROGRAM_MANAGER"}, {"_id": "text", "code": "ODD"})
    there.give("userExtension", user("u-old"), user("u-new", {"code": "HM"}))
    there.publish_edata(
        handing_over(asset=one("program", P1), roles=("PROGRAM_MANAGER", "ODD", "NOBODY", "HM", "PROGRAM_MANAGER"))
    )
    there.run()
    assert roles_of(there, "u-new") == [{"code": "HM"}, role(R1, "PROGRAM_MANAGER")]


@pytest.mark.parametrize("odd", [None, "text", 5, {"code": "PM"}])
def test_roles_that_are_no_list_are_replaced_where_somebody_gets_one(there: ManageLearn, odd: Any) -> None:
    there.give("userExtension", user("u-old", role(R1, "PM", P1)), {"_id": 2, "userId": "u-new", "platformRoles": odd})
    there.publish_edata(handing_over(asset=one("program", P1)))
    assert there.run().account.processed == 1
    assert roles_of(there, "u-new") == [role(R1, "PM", P1)]


def test_malformed_elements_are_left_as_they_are(there: ManageLearn) -> None:
    odd: list[Any] = ["junk", None, {"programs": [P1]}, {"code": "X"}, {"code": "Y", "programs": "text"}]
    there.give(
        "userExtension",
        user("u-old", *odd, role(R1, "PM", "no id", P1)),
        user("u-new", *odd, role(R1, "PM")),
    )
    there.publish_edata(handing_over(asset={}))
    assert there.run().account.processed == 1
    assert roles_of(there, "u-new") == [*odd, role(R1, "PM", P1)]


def test_the_roles_of_a_user_with_none_are_left_alone(there: ManageLearn) -> None:
    there.give("userExtension", {"_id": 1, "userId": "u-old", "platformRoles": None})
    there.publish_edata(handing_over(asset={}))
    assert there.run().account.processed == 1
    assert there.documents("userExtension") == [{"_id": 1, "userId": "u-old", "platformRoles": None}]


def test_of_several_records_of_a_user_the_first_is_meant(there: ManageLearn) -> None:
    there.give("userExtension", user("u-old", role(R1, "PM", P1)), user("u-new"))
    there.give("userExtension", {"_id": 3, "userId": "u-old", "platformRoles": [role(R1, "PM", P1, P9)]})
    there.publish_edata(handing_over(asset=one("program", P1)))
    there.run()
    assert there.document("userExtension", "id-u-old")["platformRoles"] == [role(R1, "PM")]
    assert there.document("userExtension", 3)["platformRoles"] == [role(R1, "PM", P1, P9)]


def test_each_collection_is_read_once_for_all_events_and_updated_in_one_pass(there: ManageLearn) -> None:
    given_roles(there)
    for number in range(5):
        there.publish_edata(handing_over(f"u-{number}", f"v-{number}", one("program", P1), roles=("HM",)))
    plan = there.run().plan
    assert [collection for collection, values in there.world.documents.finds if values] == [
        "userExtension",
        "userRoles",
        "programs",
    ]
    assert [updates.collection for updates in plan.documents] == ["userExtension"]


def test_names_of_people_stand_in_no_reason() -> None:
    work = transfer({"edata": handing_over(old="Asha", new="Asha")})
    assert "Asha" not in json.dumps([work.reason, work.error] if isinstance(work, Skip) else [])
    assert parked(handing_over(old="Asha", new="Asha"))
