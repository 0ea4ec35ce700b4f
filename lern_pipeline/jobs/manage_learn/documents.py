"""The services' database, and the one repair that updates of nested members need."""

from __future__ import annotations

from typing import Any

from lern_pipeline.microbatch.job import Store
from lern_pipeline.microbatch.plan import DocumentUpdate

#: Prefix of the database's settings.
SERVER = "ml-mongo"

GROUP = "manage_learn"

SOLUTIONS = "solutions"


def collection(name: str, description: str) -> Store:
    """A collection as it is drawn in the lineage."""
    return Store(("mongo", name), description, "mongodb", collection=name)


#: Both jobs write it.
SOLUTIONS_STORE = collection(SOLUTIONS, "Solutions of Manage Learn: author, and the names shown for the author.")


def made_an_object(parent: str, member: str, values: list[Any], where: dict[str, Any] | None = None) -> DocumentUpdate:
    """Where ``parent`` is there and no object (null, text, array…) it becomes an empty one: MongoDB cannot set members
    of anything else (error 28), and one such document would stop the update of all others (contracts ml-user-delete D1,
    ml-transfer-ownership D16)."""
    # MongoDB looks into arrays: one of objects counts as an object, too.
    odd = [{parent: {"$type": "array"}}, {parent: {"$exists": True, "$not": {"$type": "object"}}}]
    return DocumentUpdate(member, values, {"$set": {parent: {}}}, where={**(where or {}), "$or": odd})
