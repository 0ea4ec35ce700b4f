"""Bulk reads and bulk updates on a real MongoDB."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bson import Decimal128, Int64, ObjectId

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.plan import DocumentUpdate, DocumentUpdates
from lern_pipeline.resources.mongo import Mongo
from lern_pipeline_tests.stack.mongo_documents import MongoDocuments, mongo_documents, mongo_settings

pytestmark = pytest.mark.stack

SERVER = "ml-mongo"


@pytest.fixture
def documents(mongo_url: str) -> Iterator[MongoDocuments]:
    with mongo_documents(mongo_url) as made:
        yield made


def updates(*some: DocumentUpdate, collection: str = "things") -> DocumentUpdates:
    return DocumentUpdates(SERVER, collection, list(some))


def test_each_value_is_asked_for_once_in_as_few_reads_as_may_be(documents: MongoDocuments) -> None:
    documents.give("things", *({"_id": n, "name": f"n{n}", "more": n} for n in range(1500)))
    names = [f"n{n}" for n in range(1500)]
    found = documents.client.find(SERVER, "things", "name", [*names, *names, "nobody"], ("name",))
    assert [document["name"] for document in found] == names
    assert found[0] == {"name": "n0"}
    assert documents.client.counts == {"mongo.finds": 2, "mongo.documents_read": 1500}


def test_values_are_exactly_the_same_after_the_way_through_a_plan(documents: MongoDocuments) -> None:
    value = [ObjectId(), 1, Int64(2), 1.0, None, {"deep": [Decimal128("1.10")]}, "text"]
    collection = documents.direct[documents.name]["things"]
    collection.insert_one({"_id": 1, "name": "a", "value": value})
    (read,) = documents.client.find(SERVER, "things", "name", ["a"], ("_id", "value"))
    documents.client.apply(updates(DocumentUpdate("_id", [read["_id"]], {"$set": {"copy": read["value"]}})))
    stored = collection.find_one({"_id": 1})
    assert stored is not None
    assert stored["copy"] == value
    assert list(map(type, stored["copy"])) == list(map(type, stored["value"]))


def test_updates_of_a_collection_are_one_bulk_write_in_their_order(documents: MongoDocuments) -> None:
    documents.give("things", {"_id": 1, "name": "a"}, {"_id": 2, "name": "b"}, {"_id": 3, "name": "c"})
    refused = documents.apply(
        updates(
            DocumentUpdate("name", ["a", "b"], {"$set": {"state": "first"}}),
            DocumentUpdate("name", ["b"], {"$set": {"state": "second"}}, where={"state": "first"}),
            DocumentUpdate("name", ["d"], {"$setOnInsert": {"state": "new"}}, insert=True),
        )
    )
    assert refused == []
    assert [document.get("state") for document in documents.collections["things"]] == ["first", "second", None, "new"]
    counts = documents.client.counts
    assert (counts["mongo.bulk_writes"], counts["mongo.things.matched"], counts["mongo.things.modified"]) == (1, 3, 4)


def test_an_insert_that_is_repeated_makes_no_second_document(documents: MongoDocuments) -> None:
    for _ in range(2):
        documents.apply(updates(DocumentUpdate("name", ["d"], {"$setOnInsert": {"n": 1}}, insert=True)))
    assert len(documents.collections["things"]) == 1


def test_a_refused_update_leaves_out_its_value_alone(documents: MongoDocuments) -> None:
    documents.give("things", *({"_id": n, "name": n, "profile": p} for n, p in (("a", {}), ("b", "text"), ("c", {}))))
    (refusal,) = documents.apply(
        updates(
            DocumentUpdate("name", ["a", "b", "c"], {"$set": {"profile.first": "x"}}),
            DocumentUpdate("name", ["c"], {"$set": {"last": True}}),
        )
    )
    assert (refusal.collection, refusal.value, refusal.reason) == ("things", "b", "error code 28")
    assert [document["profile"] for document in documents.collections["things"]] == [
        {"first": "x"},
        "text",
        {"first": "x"},
    ]
    assert documents.collections["things"][2]["last"] is True


def test_of_many_values_the_refused_ones_are_found_in_few_writes(documents: MongoDocuments) -> None:
    odd = {"n7", "n400"}
    names = [f"n{n}" for n in range(512)]
    documents.give("things", *({"_id": name, "name": name, "profile": "x" if name in odd else {}} for name in names))
    refused = documents.apply(updates(DocumentUpdate("name", names, {"$set": {"profile.first": "x"}})))
    assert {refusal.value for refusal in refused} == odd
    assert sum(document["profile"] == {"first": "x"} for document in documents.collections["things"]) == 510
    assert documents.client.counts["mongo.bulk_writes"] < 40


def test_nobody_answers_for_a_bounded_time() -> None:
    settings = mongo_settings("", "x", LERN_PIPELINE_ML_MONGO_PORT="1", LERN_PIPELINE_OUTAGE_TIMEOUT_SECONDS="1")
    for call in (
        lambda mongo: mongo.find(SERVER, "things", "name", ["a"], ("name",)),
        lambda mongo: mongo.apply(updates(DocumentUpdate("name", ["a"], {"$set": {"x": 1}}))),
    ):
        mongo = Mongo(settings)
        with pytest.raises(ServiceUnavailable, match="MongoDB at localhost:1 is not available"):
            call(mongo)
        mongo.close()


def test_an_address_with_a_password_is_not_shown() -> None:
    settings = mongo_settings("mongodb://lern:pa55@127.0.0.1:1/", "x", LERN_PIPELINE_OUTAGE_TIMEOUT_SECONDS="1")
    mongo = Mongo(settings)
    with pytest.raises(ServiceUnavailable) as raised:
        mongo.find(SERVER, "things", "name", ["a"], ("name",))
    assert "pa55" not in str(raised.value)
    mongo.close()


@pytest.mark.parametrize("address", ["http://h:1", "mongodb://", "mongodb://h:port/"])
def test_an_address_that_cannot_be_used_is_a_matter_of_configuration(address: str) -> None:
    mongo = Mongo(mongo_settings(address, "x"))
    with pytest.raises(ConfigurationError, match=r"ml-mongo\.uri cannot be used") as raised:
        mongo.find(SERVER, "things", "name", ["a"], ("name",))
    assert address not in str(raised.value)
