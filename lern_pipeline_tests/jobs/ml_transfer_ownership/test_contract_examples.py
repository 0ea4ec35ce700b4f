"""Worked examples of contract ml-transfer-ownership (section 11)."""

from __future__ import annotations

import pytest

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
from lern_pipeline_tests.microbatch.documents_in_memory import Document

pytestmark = pytest.mark.contracts


def solution(id: Document, author: str = "u-old", name: str = "Deleted User") -> Document:
    return {"_id": id, "author": author, "creator": name, "license": {"author": name, "creator": name, "x": 1}}


def given_roles(there: ManageLearn) -> None:
    there.give("userRoles", {"_id": R1, "code": "PROGRAM_MANAGER"}, {"_id": R2, "code": "HM"})


def roles_of(there: ManageLearn, name: str) -> list[Document]:
    (found,) = [document for document in there.documents("userExtension") if document["userId"] == name]
    return found.get("platformRoles", [])


def test_e1_one_solution(there: ManageLearn) -> None:
    there.give("solutions", solution(S1), solution(S2))
    there.give("userExtension", user("u-old", role(R1, "PROGRAM_MANAGER", P1)))
    there.publish_edata(handing_over(asset=one("solution", S1)))
    plan = there.run().plan
    assert there.documents("solutions") == [solution(S1, "u-new", "Nila"), solution(S2)]
    assert roles_of(there, "u-old") == [role(R1, "PROGRAM_MANAGER", P1)]
    assert len(there.documents("userExtension")) == 1
    assert plan.metrics["success-message-count"] == plan.metrics["total-transfer-events-count"] == 1


def test_e2_one_program_between_known_users(there: ManageLearn) -> None:
    given_roles(there)
    there.give("programs", {"_id": P1, "owner": "u-old"})
    there.give("userExtension", user("u-old", role(R1, "PROGRAM_MANAGER", P1, P2)), user("u-new", role(R2, "HM", P9)))
    there.publish_edata(handing_over(asset=one("program", P1), roles=("PROGRAM_MANAGER", "HM")))
    there.run()
    assert there.document("programs", P1)["owner"] == "u-new"
    assert roles_of(there, "u-new") == [role(R2, "HM", P9), role(R1, "PROGRAM_MANAGER", P1)]
    assert roles_of(there, "u-old") == [role(R1, "PROGRAM_MANAGER", P2)]


def test_e3_everything_to_a_user_new_to_manage_learn(there: ManageLearn) -> None:
    there.give("solutions", solution(S1), solution(S2))
    there.give("programs", {"_id": P1, "owner": "u-old"})
    there.give("userExtension", user("u-old", role(R1, "PROGRAM_MANAGER", P1), status="active"))
    there.publish_edata(handing_over(asset={}))
    there.run()
    assert there.documents("solutions") == [solution(S1, "u-new", "Nila"), solution(S2, "u-new", "Nila")]
    assert there.document("programs", P1)["owner"] == "u-new"
    old, new = there.documents("userExtension")
    assert old == {"_id": "id-u-old", "userId": "u-old", "status": "active"}
    del new["_id"]
    assert new == {
        "userId": "u-new",
        "externalId": "newuser",
        "status": "active",
        "isDeleted": False,
        "devices": [],
        "platformRoles": [role(R1, "PROGRAM_MANAGER", P1)],
        "createdBy": "adm",
        "updatedBy": "adm",
    }


def test_e4_everything_to_a_known_user(there: ManageLearn) -> None:
    given_roles(there)
    there.give(
        "userExtension",
        user("u-old", role(R1, "PROGRAM_MANAGER", P1, P2), role(R2, "HM", P9)),
        user("u-new", role(R1, "PROGRAM_MANAGER", P2)),
    )
    there.publish_edata(handing_over(roles=("PROGRAM_MANAGER",)))
    there.run()
    assert roles_of(there, "u-new") == [role(R1, "PROGRAM_MANAGER", P2, P1), role(R2, "HM", P9)]
    assert "platformRoles" not in there.document("userExtension", "id-u-old")


def test_e5_everything_of_a_user_without_record(there: ManageLearn) -> None:
    there.give("solutions", solution(S1))
    there.publish_edata(handing_over(asset={}))
    assert there.run().account.processed == 1
    assert there.documents("solutions") == [solution(S1, "u-new", "Nila")]
    assert there.documents("userExtension") == []


def test_e6_a_foreign_type_of_asset_is_skipped(there: ManageLearn) -> None:
    there.publish_edata(handing_over(asset={"objectType": "QuestionSet", "identifier": "do_1"}))
    plan = there.run().plan
    assert (plan.metrics["total-transfer-events-count"], plan.metrics["skipped-message-count"]) == (1, 1)
    assert plan.documents == plan.messages == []


def test_e7_an_empty_message_is_skipped_and_parked(there: ManageLearn) -> None:
    there.give("solutions", solution(S1, ""))
    there.publish_value(b"{}")
    assert there.run().plan.metrics["skipped-message-count"] == 1
    assert there.failed() == ["edata.fromUserProfile.userId is blank"]
    assert there.documents("solutions") == [solution(S1, "")]
