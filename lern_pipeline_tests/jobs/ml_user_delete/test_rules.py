"""The updates that mask deleted users (contract 3, 7)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from lern_pipeline.jobs.ml_user_delete.masks import MASKS
from lern_pipeline.microbatch.plan import DocumentUpdates
from lern_pipeline.microbatch.stores import Refusal
from lern_pipeline_tests.jobs.manage_learn.manage_learn import FAILED, ManageLearn, deletion, deletions
from lern_pipeline_tests.microbatch.documents_in_memory import InMemoryDocuments

pytestmark = pytest.mark.rules

PROFILE_FIELDS = (
    "lastName", "dob", "email", "maskedEmail", "recoveryEmail", "prevUsedEmail", "encEmail",
    "phone", "maskedPhone", "recoveryPhone", "prevUsedPhone", "encPhone",
)  # fmt: skip


def changes(there: ManageLearn) -> dict[str, Any]:
    """Collection → what the last update of it says."""
    there.publish_edata(deletion("u-1"))
    plan = there.run().plan
    return {updates.collection: (updates.updates[-1].member, updates.updates[-1].change) for updates in plan.documents}


def unset(*profiles: str) -> dict[str, str]:
    return {f"{profile}.{field}": "" for profile in profiles for field in PROFILE_FIELDS}


def test_the_update_documents_are_the_contracts(there: ManageLearn) -> None:
    profile = {"$set": {"userProfile.firstName": "Deleted User"}, "$unset": unset("userProfile")}
    nested = "observationInformation.userProfile"
    assert changes(there) == {
        "observations": ("createdBy", profile),
        "surveySubmissions": ("createdBy", profile),
        "observationSubmissions": (
            "createdBy",
            {
                "$set": {"userProfile.firstName": "Deleted User", f"{nested}.firstName": "Deleted User"},
                "$unset": unset("userProfile", nested),
            },
        ),
        "projects": ("userId", profile),
        "programUsers": ("userId", profile),
        "solutions": (
            "author",
            {"$set": dict.fromkeys(("creator", "license.author", "license.creator"), "Deleted User")},
        ),
    }


def test_one_pass_per_collection_for_all_users_of_the_batch(there: ManageLearn) -> None:
    for user in ("u-1", "u-2", "u-1"):
        there.publish_edata(deletion(user))
    plan = there.run().plan
    assert [updates.collection for updates in plan.documents] == [mask.collection for mask in MASKS]
    assert all(update.values == ["u-1", "u-2"] for updates in plan.documents for update in updates.updates)
    assert plan.account.processed == 3


def test_the_list_of_fields_is_a_setting() -> None:
    there = deletions(f"memory://{uuid4()}", LERN_PIPELINE_ML_USER_DELETE_PROFILE_FIELDS="userName,dob")
    assert changes(there)["projects"][1]["$unset"] == {"userProfile.userName": "", "userProfile.dob": ""}


def test_observation_information_is_repaired_from_the_outside_in(there: ManageLearn) -> None:
    there.give("observationSubmissions", {"_id": 1, "createdBy": "u-1", "observationInformation": "text"})
    there.give(
        "observationSubmissions",
        {"_id": 2, "createdBy": "u-1", "observationInformation": {"userProfile": ["x"], "n": 1}},
    )
    there.publish_edata(deletion("u-1"))
    assert there.run().account.processed == 1
    masked = {"firstName": "Deleted User"}
    assert there.document("observationSubmissions", 1)["observationInformation"] == {"userProfile": masked}
    assert there.document("observationSubmissions", 2)["observationInformation"] == {"userProfile": masked, "n": 1}


def test_an_id_that_is_too_long_is_skipped_and_parked(there: ManageLearn) -> None:
    there.publish_edata(deletion("x" * 40_000))
    assert there.run().account.skipped_total == 1
    assert there.failed() == ["edata.userId is longer than 32000 bytes"]


def test_the_id_is_compared_as_it_stands(there: ManageLearn) -> None:
    for number, id in enumerate(("u-1", " u-1", "U-1")):
        there.give("projects", {"_id": number, "userId": id, "userProfile": {"firstName": "Asha"}})
    there.publish_edata(deletion(" u-1"))
    there.run()
    assert [d["userProfile"]["firstName"] for d in there.documents("projects")] == ["Asha", "Deleted User", "Asha"]


class Validated(InMemoryDocuments):
    """A MongoDB with a validator that does not let one user's programs be changed."""

    def apply(self, updates: DocumentUpdates) -> list[Refusal]:
        refused = super().apply(updates)
        return (
            [*refused, Refusal(updates.collection, "u-2", "error code 121")]
            if updates.collection == "projects"
            else refused
        )


def test_a_user_whose_update_is_refused_fails_alone_with_all_other_collections_done(there: ManageLearn) -> None:
    there.world.documents = Validated(there.world.journal)
    for user in ("u-1", "u-2"):
        there.give("programUsers", {"_id": user, "userId": user, "userProfile": {"firstName": "Asha"}})
    for user in ("u-1", "u-2", "u-2"):
        there.publish_edata(deletion(user))
    plan = there.run().plan
    reason = "MongoDB refuses an update in projects: error code 121"
    assert (plan.account.processed, plan.account.failed) == (1, {reason: 2})
    assert (plan.metrics["success-message-count"], there.failed()) == (1, [reason, reason])
    assert [d["userProfile"] for d in there.documents("programUsers")] == [{"firstName": "Deleted User"}] * 2


def test_a_refusal_is_told_once_however_often_the_batch_is_carried_out(there: ManageLearn) -> None:
    there.world.documents = Validated(there.world.journal)
    there.publish_edata(deletion("u-2"))
    account = there.run().account
    assert there.execute(there.keys[0]).account == account
    again = there.execute(there.keys[0], rerun=True)
    assert again.account == account
    assert len([m for m in there.world.broker.published if m.topic == FAILED]) == 1
