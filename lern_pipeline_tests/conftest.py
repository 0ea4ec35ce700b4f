"""What the tests share: the real servers, and one that stands in for third-party services."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from lern_pipeline.local.addresses import StackAddresses, free_port
from lern_pipeline.local.paths import default_directory
from lern_pipeline.local.stack import LocalStack
from lern_pipeline_tests.keycloak_accounts import KeycloakAccounts
from lern_pipeline_tests.third_party.server import ThirdParty

# A busy machine is no failure: neither a slow example nor slow data generation.
settings.register_profile("lern_pipeline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lern_pipeline")

KEEP_VARIABLE = "LERN_PIPELINE_TEST_STACK"
MONGO_VARIABLE = "MONGO_URL"
ENV = "test"


@dataclass(frozen=True)
class RunningStack:
    """Kafka, Cassandra and Redis on ports of their own, with schema and the topics of environment `test`."""

    stack: LocalStack

    @property
    def addresses(self) -> StackAddresses:
        return self.stack.addresses

    def configuration_lines(self, env: str = ENV) -> list[str]:
        """The settings that lead a process to this stack; each line is valid YAML and HOCON."""
        at = self.addresses
        settings: dict[str, str | int] = {
            "env": env,
            "kafka.broker-servers": f"{at.kafka_host}:{at.kafka_port}",
            "lms-cassandra.host": at.cassandra_host,
            "lms-cassandra.port": at.cassandra_port,
            "redis.host": at.redis_host,
            "redis.port": at.redis_port,
            "ml-mongo.host": at.mongo_host,
            "ml-mongo.port": at.mongo_port,
        }
        return [f"{name}: {json.dumps(value)}" for name, value in settings.items()]


@pytest.fixture
def third_party() -> Iterator[ThirdParty]:
    """A server for third-party services, without any: what a test scripts is answered."""
    with ThirdParty() as server:
        yield server


@pytest.fixture(scope="session")
def session_stack() -> Iterator[LocalStack]:
    """One stack for the whole session, its data made anew; nothing is started yet.

    With LERN_PIPELINE_TEST_STACK=keep it is left running and used again, with its data, by the next session.
    """
    directory = default_directory() / "test-stack"
    stop_what_ended_sessions_left(directory)
    keep = os.environ.get(KEEP_VARIABLE) == "keep"
    stack = stack_in(directory / ("kept" if keep else str(os.getpid())))
    try:
        yield stack
    finally:
        if not keep:
            remove(stack)


@pytest.fixture(scope="session")
def local_stack(session_stack: LocalStack) -> RunningStack:
    """The session's stack with the servers that most jobs need."""
    session_stack.up(print)
    return RunningStack(session_stack)


@pytest.fixture(scope="session")
def mongo_url(session_stack: LocalStack) -> str:
    """The address of a MongoDB: that of the variable MONGO_URL, else the session's stack starts one."""
    given = os.environ.get(MONGO_VARIABLE)
    if given:
        return given
    session_stack.up(print, ("mongo",))
    at = session_stack.addresses
    return f"mongodb://{at.mongo_host}:{at.mongo_port}"


@pytest.fixture(scope="session")
def search_cluster(session_stack: LocalStack) -> str:
    """Host and port of an OpenSearch, which the session's stack starts."""
    session_stack.up(print, ("opensearch",))
    at = session_stack.addresses
    return f"{at.opensearch_host}:{at.opensearch_port}"


@pytest.fixture(scope="session")
def keycloak_accounts(session_stack: LocalStack) -> Iterator[KeycloakAccounts]:
    """A Keycloak, which the session's stack starts, as its administrator sees it."""
    session_stack.up(print, ("keycloak",))
    accounts = KeycloakAccounts(session_stack.addresses.keycloak_url, session_stack.paths.data("keycloak"))
    yield accounts
    accounts.close()


def stack_in(directory: Path) -> LocalStack:
    """A stack on free ports, which its directory remembers, with the project's jars."""
    remembered = directory / "addresses.json"
    # One that an earlier version has left knows fewer servers.
    if remembered.exists() and "keycloak_url" in json.loads(remembered.read_text()):
        addresses = StackAddresses(**json.loads(remembered.read_text()))
    else:
        addresses = StackAddresses(
            kafka_host="localhost",
            kafka_port=free_port(),
            cassandra_host="localhost",
            cassandra_port=free_port(),
            redis_host="localhost",
            redis_port=free_port(),
            env=ENV,
            mongo_host="127.0.0.1",
            mongo_port=free_port(),
            opensearch_host="127.0.0.1",
            opensearch_port=free_port(),
            keycloak_url=f"http://127.0.0.1:{free_port()}",
        )
        directory.mkdir(parents=True, exist_ok=True)
        remembered.write_text(json.dumps(asdict(addresses)))
    return LocalStack(addresses, directory, default_directory() / "jars")


def remove(stack: LocalStack) -> None:
    """Stops a stack and forgets its data."""
    stack.down(print)
    shutil.rmtree(stack.paths.directory)


def stop_what_ended_sessions_left(directory: Path) -> None:
    """A session that was killed could not stop its servers; their directories' names begin with its process."""
    for left in directory.glob("[0-9]*"):
        if (left / "addresses.json").exists() and not psutil.pid_exists(int(left.name.partition("-")[0])):
            remove(stack_in(left))
