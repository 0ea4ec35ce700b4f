"""Publishing with acknowledgement, topics that are missing, and the group's offsets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from kafka import KafkaConsumer

from lern_pipeline.microbatch.plan import Message
from lern_pipeline.resources.kafka import PUBLISH_WINDOW, Kafka
from lern_pipeline.resources.kafka_positions import KafkaPositions, TopicOffsets
from lern_pipeline_tests.stack.servers import Servers, until

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def broker(servers: Servers) -> Iterator[Kafka]:
    broker = Kafka(servers.settings(), Counter())
    yield broker
    broker.close()


@pytest.fixture(scope="module")
def positions(servers: Servers) -> Iterator[KafkaPositions]:
    positions = KafkaPositions(servers.settings())
    yield positions
    positions.close()


def test_a_message_goes_out_as_it_is(broker: Kafka, servers: Servers) -> None:
    topic = servers.topic("plain")
    broker.publish(
        [
            Message("1", topic, b'{"a":1}'),
            Message("2", topic, b"\xff", b"key", [("batch", b"k"), ("original", b"\x00")]),
        ]
    )
    one, other = servers.records(topic)
    assert (one.key, one.value, list(one.headers)) == (None, b'{"a":1}', [])
    assert (other.key, other.value) == (b"key", b"\xff")
    assert list(other.headers) == [("batch", b"k"), ("original", b"\x00")]


def test_messages_of_one_partition_keep_their_order(broker: Kafka, servers: Servers) -> None:
    topic = servers.topic("ordered")
    count = PUBLISH_WINDOW + 700
    before = broker.counts["kafka.messages_published"]
    broker.publish([Message(str(n), topic, b"%d" % n) for n in range(count)])
    assert [int(record.value) for record in servers.records(topic)] == list(range(count))
    assert broker.counts["kafka.messages_published"] - before == count


def test_output_topics_that_are_missing_are_made(broker: Kafka, servers: Servers) -> None:
    topics = [f"{servers.env}.made.{n}" for n in range(3)]
    broker.publish([Message(topic, topic, b"x") for topic in topics])
    assert set(topics) <= servers.topics()
    for topic in topics:
        assert [record.value for record in servers.records(topic)] == [b"x"]


def test_publishing_nothing_asks_kafka_nothing(servers: Servers) -> None:
    Kafka(servers.settings(changed={"kafka.broker-servers": "localhost:1"}), Counter()).publish([])


def test_large_messages_go_out(broker: Kafka, servers: Servers) -> None:
    topic = servers.topic("large")
    broker.publish([Message("1", topic, bytes(range(256)) * 3500)])
    (record,) = servers.records(topic)
    assert len(record.value) == 896_000


# --- the group's offsets


def test_a_committed_position_is_found_by_the_next_start(
    broker: Kafka, positions: KafkaPositions, servers: Servers
) -> None:
    topic, group = servers.topic("grouped", partitions=3), f"{servers.env}-group"
    assert positions.committed(topic, group) == {}
    assert broker.commit(topic, group, {0: 7, 2: 0}) is None
    assert positions.committed(topic, group) == {0: 7, 2: 0}
    assert broker.commit(topic, group, {0: 9}) is None
    assert positions.committed(topic, group) == {0: 9, 2: 0}


def test_groups_and_topics_do_not_mix(broker: Kafka, positions: KafkaPositions, servers: Servers) -> None:
    one, other = servers.topic("mixed-one"), servers.topic("mixed-other")
    group = f"{servers.env}-mixed"
    broker.commit(one, group, {0: 1})
    assert positions.committed(other, group) == {}
    assert positions.committed(one, f"{group}-2") == {}


def test_a_group_that_the_old_job_still_uses_refuses_and_that_is_a_warning(broker: Kafka, servers: Servers) -> None:
    topic, group = servers.topic("busy"), f"{servers.env}-busy"
    member = KafkaConsumer(topic, bootstrap_servers=servers.bootstrap, group_id=group, enable_auto_commit=False)
    try:
        # Joining within one call: the client does not always go on with what a short one began.
        until(lambda: member.poll(timeout_ms=5_000) is not None and bool(member.assignment()), "the old job to join")
        warning = broker.commit(topic, group, {0: 3})
    finally:
        member.close()
    assert warning is not None
    assert group in warning
    assert len(warning.splitlines()) == 1


# --- where the log stands


def test_a_topic_that_does_not_exist_has_no_offsets(positions: KafkaPositions, servers: Servers) -> None:
    assert positions.offsets(f"{servers.env}.nowhere") == TopicOffsets({}, {})
    assert f"{servers.env}.nowhere" not in servers.topics()


def test_starts_and_ends_follow_the_log(positions: KafkaPositions, servers: Servers) -> None:
    topic = servers.topic("log", partitions=2)
    assert positions.offsets(topic) == TopicOffsets({0: 0, 1: 0}, {0: 0, 1: 0})
    servers.send(topic, [b"%d" % n for n in range(5)], 1)
    servers.delete_records(topic, 2, 1)
    assert positions.offsets(topic) == TopicOffsets({0: 0, 1: 2}, {0: 0, 1: 5})
