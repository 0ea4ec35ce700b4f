"""Pins, schema, topics and addresses, without any server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.local import versions
from lern_pipeline.local.addresses import StackAddresses, loopback_ip
from lern_pipeline.local.jars import pom
from lern_pipeline.local.schema import SCHEMA, created_object, statements
from lern_pipeline.local.startup_log import telling_line
from lern_pipeline.local.topics import topic_settings

pytestmark = pytest.mark.rules

COMPOSE = Path(__file__).parents[2] / "deploy" / "compose.yaml"


class Settings:
    """As much of the settings as the stack reads."""

    env = "dev"

    def __init__(self, **values: str | int) -> None:
        self.values = {
            "kafka.broker-servers": "localhost:9092",
            "lms-cassandra.host": "localhost",
            "lms-cassandra.port": 9042,
            "redis.host": "localhost",
            "redis.port": 6379,
            "ml-mongo.host": "localhost",
            "ml-mongo.port": 27017,
            "es.basePath": "localhost:9200",
        } | {name.replace("__", "."): value for name, value in values.items()}

    def text(self, name: str) -> str:
        return str(self.values[name])

    def integer(self, name: str) -> int:
        return int(self.values[name])


def test_poms_and_compose_name_the_pinned_versions() -> None:
    assert f"<version>{versions.KAFKA}</version>" in pom("kafka").read_text()
    assert f"<version>{versions.CASSANDRA}</version>" in pom("cassandra").read_text()
    assert f"<version>{versions.MONGO_JAVA_SERVER}</version>" in pom("mongo").read_text()
    assert f"<version>{versions.OPENSEARCH}.0</version>" in pom("opensearch").read_text()
    assert f"<version>{versions.KEYCLOAK}</version>" in pom("keycloak").read_text()
    assert f"<version>{versions.UNBOUNDID}</version>" in pom("directory").read_text()
    images = {name: service["image"] for name, service in yaml.safe_load(COMPOSE.read_text())["services"].items()}
    assert images["kafka"] == f"apache/kafka:{versions.KAFKA}"
    assert images["cassandra"] == f"cassandra:{versions.CASSANDRA}"
    assert images["opensearch"] == f"opensearchproject/opensearch:{versions.OPENSEARCH}"


def test_every_schema_statement_is_repeatable_and_names_its_object() -> None:
    objects = [created_object(statement) for statement in statements(SCHEMA.read_text())]
    assert len(objects) == len(set(objects)) == len(re.findall(r"^CREATE ", SCHEMA.read_text(), re.MULTILINE))
    assert ("INDEX", "sunbird.user_feed_category_idx") in objects
    assert ("TYPE", "sunbird_courses.question") in objects


def test_comments_are_no_statements() -> None:
    cql = "-- a; b\nCREATE TABLE IF NOT EXISTS k.t (a int PRIMARY KEY); -- c;\n\n"
    assert statements(cql) == ["CREATE TABLE IF NOT EXISTS k.t (a int PRIMARY KEY)"]


def test_a_statement_that_cannot_be_repeated_is_refused() -> None:
    with pytest.raises(ValueError, match="IF NOT EXISTS"):
        created_object("DROP TABLE k.t")


def test_topics_follow_the_stock_creation_list() -> None:
    settings = topic_settings("dev")
    assert len(settings) == 22
    assert settings["dev.telemetry.raw"]["configs"] == {"retention.ms": "172800000", "max.message.bytes": "1572864"}
    assert settings["dev.coursebatch.job.request"]["num_partitions"] == 2
    assert settings["dev.prom.monitoring.metrics"]["num_partitions"] == 1


@pytest.mark.parametrize(
    ("servers", "host", "port"),
    [
        ("localhost:9092", "localhost", 9092),
        ("kafka-0:9093, kafka-1:9094", "kafka-0", 9093),
        ("kafka", "kafka", 9092),
        ("[::1]:9095", "::1", 9095),
        ("[::1]", "::1", 9092),
    ],
)
def test_the_first_broker_counts(servers: str, host: str, port: int) -> None:
    addresses = StackAddresses.from_settings(Settings(**{"kafka.broker-servers": servers}))
    assert (addresses.kafka_host, addresses.kafka_port) == (host, port)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="localhost:kafka"):
        StackAddresses.from_settings(Settings(**{"kafka.broker-servers": "localhost:kafka"}))


def test_only_loopback_counts_as_this_machine() -> None:
    assert loopback_ip("localhost") == "127.0.0.1"
    assert loopback_ip("127.0.0.5") == "127.0.0.5"
    assert loopback_ip("203.0.113.1") is None
    assert loopback_ip("no-such-host.invalid") is None


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", "nothing"),
        ("one\ntwo\n\n", "two"),
        ("start\nERROR: no space left\n\tat a.b.C(D.java:1)\n\t... 3 more\nbye\n", "ERROR: no space left"),
    ],
)
def test_the_telling_line_of_a_log(tmp_path: Path, log: str, line: str) -> None:
    path = tmp_path / "server.log"
    path.write_text(log)
    assert telling_line(path) == line
