"""Manage Learn's documents around its jobs, on stores in memory."""

from __future__ import annotations

import copy
import json
from typing import Any

from lern_pipeline.jobs.ml_transfer_ownership.job import ML_TRANSFER_OWNERSHIP
from lern_pipeline.jobs.ml_user_delete.job import ML_USER_DELETE
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import Learners
from lern_pipeline_tests.microbatch.documents_in_memory import Document

FAILED = "test.lern.pipeline.failed"


def oid(number: int) -> Document:
    return {"$oid": f"{number:024x}"}


S1, S2, P1, P2, P9, R1, R2 = (oid(n) for n in (0x51, 0x52, 0x91, 0x92, 0x99, 0xA1, 0xA2))


class ManageLearn(Learners):
    """The documents and one of the jobs."""

    def give(self, collection: str, *documents: Document) -> None:
        self.world.documents.give(collection, *documents)

    def documents(self, collection: str) -> list[Document]:
        return self.world.documents.collections.get(collection, [])

    def document(self, collection: str, id: Any) -> Document:
        (found,) = [document for document in self.documents(collection) if document["_id"] == id]
        return found

    def state(self) -> dict[str, list[Document]]:
        """Everything that is stored, without generated ids."""
        found = copy.deepcopy(self.world.documents.collections)
        for document in found.get("userExtension", []):
            del document["_id"]
        return {name: sorted(documents, key=json.dumps) for name, documents in found.items() if documents}

    def failed(self) -> list[str]:
        return [message["failInfo"]["error"] for message in self.messages(FAILED)]


def manage_learn(base: str, job: JobSpec[Any, Any], **settings: str) -> ManageLearn:
    configured = load_configuration(None, {"LERN_PIPELINE_ENV": "test", **settings}).for_job(job.name)
    return ManageLearn(base, configured, job)


def deletions(base: str, **settings: str) -> ManageLearn:
    return manage_learn(base, ML_USER_DELETE, **settings)


def transfers(base: str) -> ManageLearn:
    return manage_learn(base, ML_TRANSFER_OWNERSHIP)


def deletion(user: Any, action: str = "delete-user") -> Document:
    return {"organisationId": "o1", "userId": user, "suggested_users": [], "action": action, "iteration": 1}


def handing_over(
    old: Any = "u-old", new: Any = "u-new", asset: Any = None, roles: Any = (), first_name: Any = "Nila", **more: Any
) -> Document:
    """``asset``: what stands under `assetInformation`."""
    return {
        "action": "ownership-transfer",
        "actionBy": {"userId": "adm"},
        "fromUserProfile": {"userId": old},
        "toUserProfile": {
            "userId": new,
            "userName": "newuser",
            "firstName": first_name,
            "roles": list(roles) if isinstance(roles, tuple) else roles,
        },
        "assetInformation": asset,
        **more,
    }


def one(kind: str, id: Document) -> Document:
    return {"objectType": kind, "identifier": id["$oid"]}


def role(id: Any, code: str, *programs: Any) -> Document:
    return {"roleId": id, "code": code, "programs": list(programs)}


def user(name: str, *roles: Any, **members: Any) -> Document:
    return {"_id": f"id-{name}", "userId": name, "platformRoles": list(roles), **members}
