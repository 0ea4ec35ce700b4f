"""The proof of deletion in a real MongoDB: what is not masked is found, what ml-user-delete has masked may stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lern_pipeline.jobs.deletion_proof.documents import MASKED, in_documents
from lern_pipeline.jobs.deletion_proof.trace import Trace
from lern_pipeline.jobs.ml_user_delete.masks import MASKS
from lern_pipeline_tests.jobs.manage_learn.manage_learn import ManageLearn, deletion, deletions
from lern_pipeline_tests.stack.mongo_documents import mongo_documents

pytestmark = pytest.mark.stack

PERSONAL = {"firstName": "Asha", "lastName": "K", "maskedPhone": "******12", "framework": {"board": ["B"]}}


@pytest.fixture
def there(mongo_url: str, tmp_path: Path) -> Iterator[ManageLearn]:
    """Two users with a document in each collection, one of them with a second observation."""
    made = deletions(str(tmp_path))
    with mongo_documents(mongo_url) as documents:
        made.world.documents = documents  # type: ignore[assignment]
        for number, user in enumerate(("u-1", "u-2")):
            made.give("observations", {"_id": number, "createdBy": user, "userProfile": PERSONAL})
            made.give("surveySubmissions", {"_id": number, "createdBy": user, "userProfile": PERSONAL})
            inner = {"userProfile": PERSONAL}
            made.give(
                "observationSubmissions",
                {"_id": number, "createdBy": user, "userProfile": PERSONAL, "observationInformation": inner},
            )
            made.give("projects", {"_id": number, "userId": user, "userProfile": PERSONAL})
            made.give("programUsers", {"_id": number, "userId": user})
            made.give("solutions", {"_id": number, "author": user, "creator": "Asha K", "license": {"author": "A"}})
        made.give("observations", {"_id": 9, "createdBy": "u-1", "userProfile": PERSONAL})
        yield made


def traces(there: ManageLearn, *users: str) -> set[Trace]:
    return set(in_documents(users, there.world.documents, there.settings))


def of_each(user: str, masked: bool) -> set[Trace]:
    """One trace a collection."""
    numbers = {mask.collection: "2 documents" if mask.collection == "observations" else "1 document" for mask in MASKS}
    return {
        Trace(user, f"mongodb {collection}", found if masked else f"{found} not masked", MASKED if masked else "")
        for collection, found in numbers.items()
    }


def test_before_the_deletion_everything_is_found_and_afterwards_it_may_stay(there: ManageLearn) -> None:
    assert traces(there, "u-1") == of_each("u-1", masked=False)
    there.publish_edata(deletion("u-1"))
    there.run()
    assert traces(there, "u-1") == of_each("u-1", masked=True)
    # Somebody else's documents are as they were, and nobody's are found for who has none.
    assert {trace.what for trace in traces(there, "u-2")} == {"1 document not masked"}
    assert traces(there, "u-3") == set()


@pytest.mark.parametrize(
    ("collection", "path"),
    [
        ("observations", "userProfile.maskedPhone"),
        ("observationSubmissions", "observationInformation.userProfile.lastName"),
        ("solutions", "license.creator"),
    ],
)
def test_one_member_that_comes_back_is_found(there: ManageLearn, collection: str, path: str) -> None:
    there.publish_edata(deletion("u-1"))
    there.run()
    documents = there.world.documents
    documents.direct[documents.name][collection].update_one({"_id": 0}, {"$set": {path: "Asha"}})  # type: ignore[attr-defined]
    left = [trace for trace in traces(there, "u-1") if not trace.may_stay]
    assert left == [Trace("u-1", f"mongodb {collection}", "1 document not masked")]
