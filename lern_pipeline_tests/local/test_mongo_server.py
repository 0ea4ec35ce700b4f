"""The MongoDB of the local stack: only where it is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from lern_pipeline.cli import parser
from lern_pipeline.local.addresses import StackAddresses, free_port
from lern_pipeline.local.paths import default_directory
from lern_pipeline.local.stack import LocalStack

pytestmark = pytest.mark.stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    """At addresses where nobody answers."""
    unused = StackAddresses("localhost", 1, "localhost", 1, "localhost", 1, "test")
    stack = LocalStack(
        dataclasses.replace(unused, mongo_host="127.0.0.1", mongo_port=free_port()),
        tmp_path,
        default_directory() / "jars",
    )
    yield stack
    stack.down(print)


def test_it_is_started_and_stopped_on_its_own(stack: LocalStack) -> None:
    assert stack.status().keys() == {"kafka", "cassandra", "redis"}
    stack.up(print, ("mongo",))
    assert stack.started() == {"mongo"}
    assert stack.status()["mongo"]["up"]
    with MongoClient("127.0.0.1", stack.addresses.mongo_port) as client:
        client["x"]["y"].insert_one({"_id": 1, "a": [{"n": 1}, {"n": 2}]})
        client["x"]["y"].update_one({"_id": 1}, {"$set": {"a.$[e].n": 3}}, array_filters=[{"e.n": 2}])
        assert client["x"]["y"].find_one() == {"_id": 1, "a": [{"n": 1}, {"n": 3}]}
    stack.down(print)
    assert stack.started() == set()
    assert "mongo" not in stack.status()


def test_up_takes_its_name() -> None:
    assert parser().parse_args(["up"]).also == []
    assert parser().parse_args(["up", "--with", "mongo"]).also == ["mongo"]
