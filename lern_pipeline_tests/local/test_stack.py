"""Start, stop and status of the real servers."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from cassandra.cluster import Cluster
from kafka.admin import KafkaAdminClient

from lern_pipeline.local.addresses import free_port
from lern_pipeline.local.server import LocalStackError
from lern_pipeline.local.stack import LocalStack
from lern_pipeline.local.topics import TOPICS
from lern_pipeline_tests.conftest import RunningStack, remove, stack_in

pytestmark = pytest.mark.stack


@pytest.fixture
def redis_stack(local_stack: RunningStack, tmp_path: Path) -> Iterator[LocalStack]:
    """A second stack in a directory of its own; of its three addresses only Redis' is not served yet."""
    addresses = dataclasses.replace(local_stack.addresses, redis_port=free_port())
    stack = LocalStack(addresses, tmp_path)
    yield stack
    stack.down(print)


def pids(stack: LocalStack) -> dict[str, int | None]:
    return {server: state.get("pid") for server, state in stack.status().items()}


def test_status_names_addresses_and_processes(local_stack: RunningStack) -> None:
    status = local_stack.stack.status()
    at = local_stack.addresses
    assert status["kafka"]["bootstrap_servers"] == f"localhost:{at.kafka_port}"
    assert (status["cassandra"]["host"], status["cassandra"]["port"]) == ("localhost", at.cassandra_port)
    assert (status["redis"]["host"], status["redis"]["port"]) == ("localhost", at.redis_port)
    assert all(state["up"] and state["started_here"] and state["pid"] for state in status.values())


def test_up_again_starts_nothing(local_stack: RunningStack) -> None:
    before, lines = pids(local_stack.stack), list[str]()
    local_stack.stack.up(lines.append)
    assert pids(local_stack.stack) == before
    assert sorted(line.split(" at ")[0] for line in lines) == [
        "Cassandra: already up",
        "Kafka: already up",
        "Redis: already up",
    ]


def test_every_topic_has_its_partitions_and_retention(local_stack: RunningStack) -> None:
    at = local_stack.addresses
    with KafkaAdminClient(bootstrap_servers=f"localhost:{at.kafka_port}") as admin:
        names = [f"{at.env}.{topic}" for topic in TOPICS]
        partitions = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(names)}
    single = f"{at.env}.prom.monitoring.metrics"
    assert partitions == {name: 1 if name == single else 2 for name in names}


def test_every_table_of_the_schema_is_there(local_stack: RunningStack) -> None:
    with Cluster(["localhost"], port=local_stack.addresses.cassandra_port, protocol_version=4) as cluster:
        rows = cluster.connect().execute("SELECT keyspace_name, table_name FROM system_schema.tables")
        tables = {f"{row.keyspace_name}.{row.table_name}" for row in rows}
    assert {"sunbird_courses.user_enrolments", "sunbird.user", "dev_hierarchy_store.content_hierarchy"} <= tables


def test_a_stack_stops_only_what_it_started(local_stack: RunningStack, redis_stack: LocalStack) -> None:
    before = pids(local_stack.stack)
    redis_stack.up(print)
    status = redis_stack.status()
    assert {server: state["started_here"] for server, state in status.items()} == {
        "kafka": False,
        "cassandra": False,
        "redis": True,
    }
    lines = list[str]()
    redis_stack.down(lines.append)
    assert not redis_stack.status()["redis"]["up"]
    assert sum("left alone" in line for line in lines) == 2
    assert pids(local_stack.stack) == before
    assert all(state["up"] for state in local_stack.stack.status().values())


def test_two_starts_at_once_start_one_server(redis_stack: LocalStack) -> None:
    lines = list[str]()
    twin = LocalStack(redis_stack.addresses, redis_stack.paths.directory)
    starts = [threading.Thread(target=stack.up, args=(lines.append,)) for stack in (redis_stack, twin)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert sum(line == "Redis: starting" for line in lines) == 1
    assert sum("up" in line and line.startswith("Redis") for line in lines) == 2


def test_a_port_in_use_is_told_in_one_line(redis_stack: LocalStack) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", redis_stack.addresses.redis_port))
        listener.listen()
        with pytest.raises(LocalStackError) as refused:
            redis_stack.up(print)
    text = str(refused.value)
    assert text.startswith(f"Redis cannot be started: localhost:{redis_stack.addresses.redis_port} is in use by ")
    assert "\n" not in text


def test_a_server_is_started_on_loopback_only(redis_stack: LocalStack, tmp_path: Path) -> None:
    elsewhere = dataclasses.replace(redis_stack.addresses, redis_host="203.0.113.1")
    with pytest.raises(LocalStackError, match=r"^Redis does not answer at 203\.0\.113\.1:.* not a loopback address"):
        LocalStack(elsewhere, tmp_path).up(print)


def test_a_server_that_ends_while_starting_is_told_with_its_reason(
    redis_stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "redis-server"
    program.write_text("#!/bin/sh\necho starting\necho 'Fatal: cannot allocate the moon'\necho bye\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    with pytest.raises(LocalStackError) as failed:
        redis_stack.up(print)
    log = redis_stack.paths.log("redis")
    assert str(failed.value) == f"Redis ended while starting; {log} says: Fatal: cannot allocate the moon"
    assert not redis_stack.status()["redis"]["started_here"]


def test_redis_has_sixteen_databases_on_loopback(local_stack: RunningStack) -> None:
    with redis.Redis(port=local_stack.addresses.redis_port, db=15) as client:
        assert client.config_get("databases") == {"databases": "16"}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_stacks_run_side_by_side_and_keep_their_data(local_stack: RunningStack, tmp_path: Path) -> None:
    stack = stack_in(tmp_path / "second")
    port = stack.addresses.cassandra_port
    try:
        stack.up(print)
        with Cluster(["localhost"], port=port, protocol_version=4) as cluster:
            cluster.connect().execute("INSERT INTO sunbird.system_settings (id, value) VALUES ('kept', 'yes')")
        stack.down(print)
        assert not any(state["up"] for state in stack.status().values())
        lines = list[str]()
        stack.up(lines.append)
        # Neither topics nor schema had to be made again.
        assert not any("made" in line or "statements" in line for line in lines)
        with Cluster(["localhost"], port=port, protocol_version=4) as cluster:
            rows = list(cluster.connect().execute("SELECT value FROM sunbird.system_settings WHERE id = 'kept'"))
        assert [row.value for row in rows] == ["yes"]
        assert all(state["up"] for state in local_stack.stack.status().values())
    finally:
        remove(stack)
