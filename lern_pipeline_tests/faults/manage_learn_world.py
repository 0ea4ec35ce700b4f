"""Manage Learn's documents on a real MongoDB: owners who hand on what they have just been given, and deleted users."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bson import ObjectId
from pymongo import MongoClient

from lern_pipeline.jobs.ml_transfer_ownership.job import ML_TRANSFER_OWNERSHIP
from lern_pipeline.jobs.ml_user_delete.job import ML_USER_DELETE
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline_tests.faults.job_world import OF_CACHES, ClientOf, JobWorld

Document = dict[str, Any]

#: Events of one circle of people.
CIRCLE = 4


class ManageLearnWorld(JobWorld):
    """A database of its own. ``mongo_url``: where it is."""

    never_passed = frozenset({"between-rows", *OF_CACHES})
    telling_points = ()
    times = frozenset()

    def __init__(
        self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, mongo_url: str
    ) -> None:
        self._mongo: MongoClient[Document] = MongoClient(mongo_url)
        self._mongo_url = mongo_url
        super().__init__(addresses, directory, events, batch_size)

    def make_workload(self) -> None:
        self.environment |= {
            "LERN_PIPELINE_ML_MONGO_URI": self._mongo_url,
            "LERN_PIPELINE_ML_MONGO_DATABASE": self.token,
        }
        for collection, documents in self.given_documents().items():
            self._mongo[self.token][collection].insert_many(documents)

    @abstractmethod
    def given_documents(self) -> dict[str, list[Document]]:
        """What Manage Learn has stored before."""

    def keys_left(self, client_of: ClientOf) -> Mapping[str, str]:
        """Every document, without the ids that MongoDB makes up (those given have a tag)."""
        database = self._mongo[self.token]
        found = {}
        for name in database.list_collection_names():
            for document in database[name].find():
                id = document.pop("_id")
                found[f"{name} {id if 'tag' in document else document['userId']}"] = str(document)
        return found

    def forget(self) -> None:
        self._mongo.drop_database(self.token)
        self._mongo.close()

    def partition_of(self, number: int) -> int:
        # What one circle does comes in its order.
        return number // CIRCLE % 2


class TransferWorld(ManageLearnWorld):
    """In each circle a solution and a program go from a to b, then all of b's to c, then all of d's to a."""

    job = ML_TRANSFER_OWNERSHIP

    def given_documents(self) -> dict[str, list[Document]]:
        given: dict[str, list[Document]] = {"solutions": [], "programs": [], "userExtension": [], "userRoles": []}
        given["userRoles"].append({"_id": _id(0, 9), "code": "PM", "tag": 1})
        for circle in range(self.events // CIRCLE):
            for place, person in enumerate("ad"):
                owner, program = self._person(circle, person), _id(circle, 5 + place)
                license_ = {"author": "Old", "creator": "Old"} if circle % 2 else None
                given["solutions"].append(
                    {"_id": _id(circle, 1 + place), "author": owner, "creator": "Old", "license": license_, "tag": 1}
                )
                given["programs"].append({"_id": program, "owner": owner, "tag": 1})
                role = {"roleId": _id(0, 9), "code": "PM", "programs": [program]}
                given["userExtension"].append({"_id": f"{owner}", "userId": owner, "platformRoles": [role], "tag": 1})
        return given

    def event(self, number: int) -> bytes:
        circle, step = divmod(number, CIRCLE)
        old, new, asset = (
            ("a", "b", {"objectType": "solution", "identifier": str(_id(circle, 1))}),
            ("a", "b", {"objectType": "program", "identifier": str(_id(circle, 5))}),
            ("b", "c", None),
            ("d", "a", {}),
        )[step]
        edata = {
            "actionBy": {"userId": "adm"},
            "fromUserProfile": {"userId": self._person(circle, old)},
            "toUserProfile": {
                "userId": self._person(circle, new),
                "userName": new,
                "firstName": f"First {new}",
                "roles": ["PM"],
            },
            "assetInformation": asset,
        }
        return json.dumps({"edata": edata}).encode()

    def _person(self, circle: int, name: str) -> str:
        return f"{name}{circle}-{self.token}"


class DeletionWorld(ManageLearnWorld):
    """A user per event, with documents in three collections; every third profile is no object."""

    job = ML_USER_DELETE

    def given_documents(self) -> dict[str, list[Document]]:
        users = [(number, f"u{number}-{self.token}") for number in range(self.events)]
        return {
            name: [
                {
                    "_id": f"{name}-{number}",
                    member: user,
                    "userProfile": "text" if number % 3 == 0 else {"firstName": "A", "dob": "x", "state": "KA"},
                    "tag": 1,
                }
                for number, user in users
            ]
            for name, member in (("observations", "createdBy"), ("projects", "userId"), ("programUsers", "userId"))
        }

    def event(self, number: int) -> bytes:
        return json.dumps({"edata": {"userId": f"u{number}-{self.token}"}}).encode()


def _id(circle: int, place: int) -> ObjectId:
    return ObjectId(f"{circle:016x}{place:08x}")
