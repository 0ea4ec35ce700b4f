"""A server that is not there: one clear line that names service and address, after a bounded time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.plan import CacheWrites, Message, RowWrites, SetText
from lern_pipeline.resources import kafka_positions
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.kafka import Kafka
from lern_pipeline.resources.kafka_client import connection
from lern_pipeline.resources.kafka_positions import KafkaPositions
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline.settings import JobSettings
from lern_pipeline_tests.stack.learner_tables import RealRun, completion
from lern_pipeline_tests.stack.servers import Servers, key

pytestmark = pytest.mark.stack

NOWHERE = {
    "kafka.broker-servers": "127.0.0.1:1",
    "lms-cassandra.host": "127.0.0.1",
    "lms-cassandra.port": 1,
    "redis.host": "127.0.0.1",
    "redis.port": 1,
    "outage.timeout.seconds": 1,
}
ROW = RowWrites("sunbird_courses.user_enrolments", ("userid",), ("status",), rows=[["u", 1, 1]])

Call = Callable[[JobSettings], Any]
CALLS: dict[str, tuple[str, Call]] = {
    "reading records": ("Kafka", lambda s: Kafka(s).read("t", key("0.0-1"))),
    "publishing": ("Kafka", lambda s: Kafka(s).publish([Message("1", "t", b"")])),
    "reading rows": ("Cassandra", lambda s: Cassandra(s).select("k.t", ("a",), (), "a", [("x",)])),
    "writing rows": ("Cassandra", lambda s: Cassandra(s).apply(ROW)),
    "reading sets": ("Redis", lambda s: RedisServers(s).sets("redis", 0, ["a"])),
    "writing keys": ("Redis", lambda s: RedisServers(s).apply(CacheWrites("redis", 0, [[SetText("a", "")]]))),
}


@pytest.mark.parametrize("what", CALLS)
def test_it_is_said_in_one_line(servers: Servers, what: str) -> None:
    service, call = CALLS[what]
    with pytest.raises(ServiceUnavailable) as unavailable:
        call(servers.settings(changed=NOWHERE))
    assert str(unavailable.value).startswith(f"{service} at 127.0.0.1:1 is not available: ")
    assert len(str(unavailable.value).splitlines()) == 1


def test_a_commit_that_does_not_reach_kafka_is_a_warning(servers: Servers) -> None:
    warning = Kafka(servers.settings(changed=NOWHERE), Counter()).commit("t", "group", {0: 1})
    assert warning is not None
    assert "group" in warning


def test_after_an_outage_the_other_lanes_are_told_at_once(servers: Servers) -> None:
    positions = KafkaPositions(servers.settings(changed=NOWHERE))
    with pytest.raises(ServiceUnavailable, match=r"^Kafka at 127\.0\.0\.1:1 is not available: ") as first:
        positions.offsets("one")
    with pytest.raises(ServiceUnavailable) as second:
        positions.offsets("other")
    assert str(second.value) == str(first.value)


@pytest.mark.parametrize(("seconds", "longest_ms"), [(60, 10_000), (10, 10_000), (3, 3_000), (0.5, 500), (0, 1)])
def test_no_kafka_client_waits_longer_for_a_broker_than_the_setting_says(
    servers: Servers, seconds: float, longest_ms: int
) -> None:
    settings = servers.settings(changed={"outage.timeout.seconds": seconds})
    assert connection(settings)["bootstrap_timeout_ms"] == longest_ms


@pytest.mark.parametrize(("seconds", "given_ms"), [(60, 8_000), (0.5, 500)])
def test_a_look_at_a_silent_kafka_takes_no_longer_than_the_setting_says(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, seconds: float, given_ms: int
) -> None:
    waited: list[int] = []

    class SilentKafka:
        """A broker that was there when the lane first looked, and answers no question any more."""

        def __init__(self, **options: Any) -> None:
            waited.append(options["bootstrap_timeout_ms"])

        def partitions_for_topic(self, topic: str) -> set[int]:
            return {0}

        def _question(self, partitions: Any, timeout_ms: int) -> dict[Any, int]:
            waited.append(timeout_ms)
            raise KafkaTimeoutError()

        beginning_offsets = end_offsets = _question

        def close(self, autocommit: bool) -> None:
            """Nothing was opened."""

    monkeypatch.setattr(kafka_positions, "KafkaConsumer", SilentKafka)
    settings = servers.settings(changed={"outage.timeout.seconds": seconds})
    for look in (KafkaPositions(settings).offsets, KafkaPositions(settings).ends):
        with pytest.raises(ServiceUnavailable):
            look("topic")
    assert waited[1::2] == [given_ms] * 2


@pytest.mark.parametrize("down", ["lms-cassandra.port", "redis.port"])
def test_a_batch_that_meets_an_outage_leaves_nothing_and_ends_well_afterwards(
    servers: Servers, tmp_path: Path, down: str
) -> None:
    name = f"{down.partition('.')[0]}.job.request"
    topic = servers.topic(name)
    changed = {
        "kafka.input.topic": topic,
        "outage.timeout.seconds": 1,
        "service.search.basePath": "http://127.0.0.1:1/search",
    }
    run = RealRun(servers, tmp_path, changed | {down: 1})
    planned = run.send(completion(f"{servers.env}-{down}", f"{servers.env}-course", "b", "r1"))
    with pytest.raises(ServiceUnavailable):
        run.execute(planned)
    assert run.store.newest_plan(str(planned)) is None
    run.services.close()
    healed = RealRun(servers, tmp_path, changed)
    # The course has no leaf nodes and the search service is down too: that fails the event, not the batch.
    assert healed.execute(planned).account.failed_total == 1
    healed.services.close()
