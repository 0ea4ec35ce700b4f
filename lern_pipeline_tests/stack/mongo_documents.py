"""A real MongoDB in the place of the double in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from bson import json_util
from pymongo import MongoClient

from lern_pipeline.microbatch.plan import DocumentUpdates
from lern_pipeline.microbatch.stores import Refusal
from lern_pipeline.resources.mongo import Mongo
from lern_pipeline.settings import JobSettings, load_configuration

Document = dict[str, Any]


def mongo_settings(url: str, database: str, **environment: str) -> JobSettings:
    return load_configuration(
        None,
        {"LERN_PIPELINE_ML_MONGO_URI": url, "LERN_PIPELINE_ML_MONGO_DATABASE": database, **environment},
    ).for_job("ml-user-delete")


class MongoDocuments:
    """The product's client, and what :class:`InMemoryDocuments` offers to tests."""

    def __init__(self, url: str) -> None:
        self.name = f"t{uuid4().hex[:8]}"
        self.client = Mongo(mongo_settings(url, self.name))
        self.direct: MongoClient[Document] = MongoClient(url)
        self.finds: list[tuple[str, tuple[str, ...]]] = []

    def give(self, collection: str, *documents: Document) -> None:
        self.direct[self.name][collection].insert_many(json_util.loads(json.dumps(documents)))

    @property
    def collections(self) -> dict[str, list[Document]]:
        database = self.direct[self.name]
        return {
            name: [
                json.loads(json_util.dumps(document, json_options=json_util.RELAXED_JSON_OPTIONS))
                for document in database[name].find()
            ]
            for name in database.list_collection_names()
        }

    def find(
        self, server: str, collection: str, member: str, values: Iterable[Any], members: Sequence[str]
    ) -> list[Document]:
        wanted = list(values)
        self.finds.append((collection, tuple(map(str, wanted))))
        return self.client.find(server, collection, member, wanted, members)

    def apply(self, updates: DocumentUpdates) -> list[Refusal]:
        return self.client.apply(updates)

    def close(self) -> None:
        """The test's end does."""


@contextmanager
def mongo_documents(url: str) -> Iterator[MongoDocuments]:
    """A database of the test's own, dropped at its end."""
    documents = MongoDocuments(url)
    try:
        yield documents
    finally:
        documents.direct.drop_database(documents.name)
        documents.direct.close()
        documents.client.close()
