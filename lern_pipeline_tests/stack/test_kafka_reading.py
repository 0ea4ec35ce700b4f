"""Reading exactly the records of a range, however they are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from kafka import KafkaProducer

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.services import RecordsExpired
from lern_pipeline.resources.kafka import Kafka
from lern_pipeline.resources.kafka_positions import KafkaPositions
from lern_pipeline_tests.stack.servers import Servers, key, until

pytestmark = pytest.mark.stack

CODECS = (None, "gzip", "snappy", "lz4", "zstd")


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


@pytest.fixture(scope="module")
def all_codecs(servers: Servers) -> str:
    """Ten records of each codec, one after the other: 0–9 plain, 10–19 gzip, and so on."""
    topic = servers.topic("codecs")
    for number, codec in enumerate(CODECS):
        values = [b"%d " % (number * 10 + index) + b"x" * 200 for index in range(10)]
        servers.send(topic, values, compression_type=codec)
    return topic


@pytest.mark.parametrize("number", range(len(CODECS)), ids=[codec or "plain" for codec in CODECS])
def test_records_of_every_codec_are_read(broker: Kafka, all_codecs: str, number: int) -> None:
    start = number * 10
    records = broker.read(all_codecs, key(f"0.{start}-{start + 10}"))
    assert [record.offset for record in records] == list(range(start, start + 10))
    assert [int((record.value or b"").split()[0]) for record in records] == list(range(start, start + 10))


@pytest.mark.parametrize(("start", "end"), [(3, 7), (8, 23), (0, 50), (49, 50), (17, 18)])
def test_a_range_may_begin_and_end_inside_a_compressed_batch(
    broker: Kafka, all_codecs: str, start: int, end: int
) -> None:
    records = broker.read(all_codecs, key(f"0.{start}-{end}"))
    assert [record.offset for record in records] == list(range(start, end))


def test_a_range_read_twice_is_the_same(broker: Kafka, all_codecs: str) -> None:
    assert broker.read(all_codecs, key("0.0-50")) == broker.read(all_codecs, key("0.0-50"))


def test_partitions_are_read_together_and_come_in_order(broker: Kafka, servers: Servers) -> None:
    topic = servers.topic("partitions", partitions=4)
    for partition in (2, 0, 3):
        servers.send(topic, [b"%d-%d" % (partition, n) for n in range(5)], partition)
    records = broker.read(topic, key("0.1-4", "1.0", "2.0-5", "3.4-5"))
    assert [record.value for record in records] == [
        *(b"0-%d" % n for n in (1, 2, 3)),
        *(b"2-%d" % n for n in range(5)),
        b"3-4",
    ]
    assert {record.partition for record in records} == {0, 2, 3}


def test_tombstones_empty_values_and_keys_come_as_they_are(broker: Kafka, servers: Servers) -> None:
    topic = servers.topic("tombstones")
    servers.send(topic, [None, b""], key=b"u-ada")
    servers.send(topic, [b"\xff\x00"])
    found = [(record.key, record.value) for record in broker.read(topic, key("0.0-3"))]
    assert found == [(b"u-ada", None), (b"u-ada", b""), (None, b"\xff\x00")]


def test_a_large_record_is_read(broker: Kafka, servers: Servers) -> None:
    topic = servers.topic("large")
    large = b"x" * 900_000
    servers.send(topic, [b"small", large, b"small"], max_request_size=2_000_000)
    assert [len(record.value or b"") for record in broker.read(topic, key("0.0-3"))] == [5, 900_000, 5]


def test_a_key_without_ranges_asks_kafka_nothing(servers: Servers) -> None:
    unreachable = Kafka(servers.settings(changed={"kafka.broker-servers": "localhost:1"}), Counter())
    assert unreachable.read("any", key("0.5", "1.7")) == []


# --- gaps


@pytest.fixture(scope="module")
def transactions(servers: Servers) -> str:
    """0 committed, 1 marker, 2–4 aborted, 5 marker, 6–7 committed, 8 marker."""
    topic = servers.topic("transactions")
    producer = KafkaProducer(
        bootstrap_servers=servers.bootstrap, acks="all", transactional_id=f"{servers.env}-writer", linger_ms=20
    )
    try:
        producer.init_transactions()
        for values, commit in [([b"a"], True), ([b"b", b"c", b"d"], False), ([b"e", b"f"], True)]:
            producer.begin_transaction()
            for value in values:
                producer.send(topic, value=value, partition=0)
            producer.flush()
            producer.commit_transaction() if commit else producer.abort_transaction()
    finally:
        producer.close()
    return topic


def test_the_end_counts_markers_and_the_records_do_not(
    broker: Kafka, positions: KafkaPositions, transactions: str
) -> None:
    until(lambda: positions.offsets(transactions).ends == {0: 9}, "the last marker")
    records = broker.read(transactions, key("0.0-9"))
    assert [(record.offset, record.value) for record in records] == [(0, b"a"), (6, b"e"), (7, b"f")]


@pytest.mark.parametrize(
    ("range_", "values"),
    [
        ("0.1-2", []),  # a marker alone
        ("0.2-6", []),  # an aborted transaction, to its marker
        ("0.3-5", []),  # the middle of an aborted transaction
        ("0.2-7", [b"e"]),
        ("0.7-9", [b"f"]),  # ends in a marker
        ("0.8-9", []),  # the last offset is a marker
    ],
)
def test_a_range_may_hold_or_end_in_offsets_without_records(
    broker: Kafka, transactions: str, range_: str, values: list[bytes]
) -> None:
    assert [record.value for record in broker.read(transactions, key(range_))] == values


def test_an_open_transaction_is_not_planned_yet(servers: Servers, positions: KafkaPositions) -> None:
    topic = servers.topic("open")
    servers.send(topic, [b"before"])
    producer = KafkaProducer(
        bootstrap_servers=servers.bootstrap, acks="all", transactional_id=f"{servers.env}-open", linger_ms=0
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, value=b"undecided", partition=0).get(timeout=30)
        servers.send(topic, [b"behind it"])
        assert positions.offsets(topic).ends == {0: 1}
        producer.commit_transaction()
        until(lambda: positions.offsets(topic).ends == {0: 4}, "the end of the transaction")
    finally:
        producer.close()


def test_gaps_of_compaction_are_passed_over(broker: Kafka, servers: Servers) -> None:
    config = {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.0",
        "segment.ms": "100",
        "min.compaction.lag.ms": "0",
        "delete.retention.ms": "100",
    }
    topic = servers.topic("compacted", **config)
    for number in range(6):
        servers.send(topic, [b"%d" % number], key=b"same")
    servers.send(topic, [b"other"], key=b"other")

    def compacted() -> bool:
        # The newest segment is never compacted: records keep it rolling.
        servers.send(topic, [b"roll"], key=b"roll")
        return len(broker.read(topic, key("0.0-7"))) < 7

    until(compacted, "compaction")
    offsets = [record.offset for record in broker.read(topic, key("0.0-7"))]
    assert offsets == sorted(set(offsets))
    assert set(offsets) >= {6}
    assert broker.read(topic, key("0.0-1")) == [] or 0 in offsets


# --- what is gone


def test_records_below_the_log_start_are_refused_and_not_skipped(broker: Kafka, servers: Servers) -> None:
    topic = servers.topic("expired")
    servers.send(topic, [b"%d" % n for n in range(6)])
    servers.delete_records(topic, 3)
    with pytest.raises(RecordsExpired) as refused:
        broker.read(topic, key("0.1-5"))
    assert f"offsets 1 to 3 of partition 0 of {topic}" in str(refused.value)
    assert [record.value for record in broker.read(topic, key("0.3-6"))] == [b"3", b"4", b"5"]


def test_a_range_behind_the_end_is_waited_for_and_then_given_up(servers: Servers) -> None:
    topic = servers.topic("short")
    servers.send(topic, [b"0"])
    settings = servers.settings(changed={"microbatch.read.timeout.seconds": 1, "outage.timeout.seconds": 1})
    with pytest.raises(ServiceUnavailable, match="partition 0"):
        Kafka(settings, Counter()).read(topic, key("0.0-5"))
