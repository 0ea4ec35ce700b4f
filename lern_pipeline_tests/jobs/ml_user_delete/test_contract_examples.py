"""Worked examples of contract ml-user-delete (section 11)."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline_tests.jobs.manage_learn.manage_learn import ManageLearn, deletion

pytestmark = pytest.mark.contracts

MASKED = {"firstName": "Deleted User"}


def given_e1(there: ManageLearn) -> None:
    there.give(
        "observations",
        {
            "_id": 1,
            "createdBy": "u-77",
            "name": "Visit",
            "userProfile": {
                "firstName": "Asha",
                "lastName": "K",
                "userName": "asha_k",
                "maskedPhone": "******12",
                "framework": {"board": ["B"]},
            },
        },
    )
    there.give(
        "observationSubmissions",
        {
            "_id": 2,
            "createdBy": "u-77",
            "userProfile": {"firstName": "Asha", "email": "x"},
            "observationInformation": {
                "name": "Visit",
                "userProfile": {"firstName": "Asha", "dob": "1990-01-01"},
            },
        },
    )
    there.give("projects", {"_id": 3, "userId": "u-77", "title": "P"})
    there.give(
        "solutions",
        {
            "_id": 4,
            "author": "u-77",
            "creator": "Asha K",
            "license": {"author": "Asha K", "creator": "Asha K", "organisation": ["O"]},
        },
    )


def expect_e1(there: ManageLearn) -> None:
    assert there.document("observations", 1)["userProfile"] == {
        **MASKED,
        "userName": "asha_k",
        "framework": {"board": ["B"]},
    }
    submission = there.document("observationSubmissions", 2)
    assert submission["userProfile"] == MASKED
    assert submission["observationInformation"] == {"name": "Visit", "userProfile": MASKED}
    assert there.document("projects", 3) == {"_id": 3, "userId": "u-77", "title": "P", "userProfile": MASKED}
    name = "Deleted User"
    assert there.document("solutions", 4) == {
        "_id": 4,
        "author": "u-77",
        "creator": name,
        "license": {"author": name, "creator": name, "organisation": ["O"]},
    }


def test_e1_documents_of_four_collections_are_masked(there: ManageLearn) -> None:
    given_e1(there)
    there.publish_edata(deletion("u-77"))
    plan = there.run().plan
    expect_e1(there)
    assert (plan.account.processed, plan.metrics["total-transfer-events-count"]) == (1, 1)
    assert plan.metrics["success-message-count"] == 1


def test_e2_the_same_event_again_changes_nothing(there: ManageLearn) -> None:
    given_e1(there)
    for _ in range(2):
        there.publish_edata(deletion("u-77"))
        assert there.run().plan.metrics["success-message-count"] == 1
    expect_e1(there)


@pytest.mark.parametrize(
    "value", [b'{"edata":{"userId":"  "}}', b'{"edata":{}}', b'{"edata":7}', b'{"edata":{"userId":null}}', b"{}"]
)
def test_e3_a_blank_id_is_skipped(there: ManageLearn, value: bytes) -> None:
    there.publish_value(value)
    plan = there.run().plan
    assert (plan.account.skipped_total, plan.metrics["skipped-message-count"]) == (1, 1)
    assert plan.messages == plan.documents == []


def test_e3_what_is_no_json_fails_and_is_parked(there: ManageLearn) -> None:
    there.publish_value(b"not json")
    assert there.run().account.failed_total == 1
    assert len(there.failed()) == 1


def test_e4_an_unknown_user_is_processed(there: ManageLearn) -> None:
    there.publish_edata(deletion("nobody"))
    assert there.run().account.processed == 1
    assert not any(there.state().values())


@pytest.mark.parametrize("odd", [None, "text", 5, ["x"], [{"firstName": "Asha"}]])
def test_e5_a_profile_that_is_no_object_stops_nothing(there: ManageLearn, odd: Any) -> None:
    there.give("surveySubmissions", {"_id": 9, "createdBy": "u-78", "userProfile": odd})
    there.give("programUsers", {"_id": 10, "userId": "u-78", "userProfile": {"firstName": "Asha", "dob": "x"}})
    there.publish_edata(deletion("u-78"))
    assert there.run().account.processed == 1
    assert there.document("surveySubmissions", 9)["userProfile"] == MASKED
    assert there.document("programUsers", 10)["userProfile"] == MASKED


def test_e6_an_id_that_is_a_number_is_skipped_and_parked(there: ManageLearn) -> None:
    there.publish_edata(deletion(5))
    plan = there.run().plan
    assert (plan.account.skipped_total, plan.metrics["skipped-message-count"]) == (1, 1)
    assert there.failed() == ["edata.userId is not a string"]
    assert plan.documents == []
