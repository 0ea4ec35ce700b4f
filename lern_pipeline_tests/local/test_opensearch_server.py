"""The OpenSearch of the local stack: only where it is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from pytest_httpserver import HTTPServer

from lern_pipeline.cli import parser
from lern_pipeline.local.addresses import StackAddresses, free_port
from lern_pipeline.local.opensearch_server import OpenSearchServer
from lern_pipeline.local.paths import default_directory
from lern_pipeline.local.processes import RunRecord
from lern_pipeline.local.stack import LocalStack

pytestmark = pytest.mark.stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    """At addresses where nobody answers."""
    unused = StackAddresses("localhost", 1, "localhost", 1, "localhost", 1, "test")
    stack = LocalStack(
        dataclasses.replace(unused, opensearch_host="127.0.0.1", opensearch_port=free_port()),
        tmp_path,
        default_directory() / "jars",
    )
    yield stack
    stack.down(print)


def test_it_is_started_and_stopped_on_its_own_and_keeps_its_documents(stack: LocalStack) -> None:
    assert stack.status().keys() == {"kafka", "cassandra", "redis"}
    document = f"http://127.0.0.1:{stack.addresses.opensearch_port}/certs/_doc/1"
    with httpx2.Client(trust_env=False, timeout=30.0) as client:
        stack.up(print, ("opensearch",))
        assert stack.started() == {"opensearch"}
        assert stack.status()["opensearch"]["up"]
        client.put(document, json={"name": "Asha"}).raise_for_status()
        assert listening(stack) == {"127.0.0.1"}
        stack.down(print)
        assert stack.started() == set()
        assert "opensearch" not in stack.status()
        stack.up(print, ("opensearch",))
        assert client.get(document).json()["_source"] == {"name": "Asha"}


def listening(stack: LocalStack) -> set[str]:
    """The addresses that the server listens at."""
    record = RunRecord.read(stack.paths.record("opensearch"))
    assert record is not None
    connections = psutil.Process(record.pid).net_connections("tcp")
    found = {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}
    # As a machine with IPv6 writes it.
    return {ip.removeprefix("::ffff:") for ip in found}


@pytest.mark.parametrize(
    ("status", "body", "answers"),
    [
        (200, {"cluster_name": "c", "status": "yellow"}, True),
        # Not within the time that it was given.
        (408, {"cluster_name": "c", "status": "red"}, False),
        (200, {"status": "up"}, False),
    ],
)
def test_it_answers_when_its_indices_can_be_used(
    httpserver: HTTPServer, status: int, body: object, answers: bool
) -> None:
    httpserver.expect_request("/_cluster/health").respond_with_json(body, status)
    assert OpenSearchServer(httpserver.host, httpserver.port).answers(5.0) is answers


def test_up_takes_its_name() -> None:
    assert parser().parse_args(["up", "--with", "opensearch"]).also == ["opensearch"]
    assert parser().parse_args(["up", "--with", "mongo", "--with", "opensearch"]).also == ["mongo", "opensearch"]
