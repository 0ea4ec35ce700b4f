"""The largest records, courses and outputs: all processed, or failed alone, within bounded memory."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from cassandra.cluster import Cluster
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER as JOB
from lern_pipeline.jobs.relation_cache_updater.hierarchy import COLLECTION
from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.drain_process import DrainProcess, Ended
from lern_pipeline_tests.faults.job_world import KEYSPACE
from lern_pipeline_tests.faults.progress_world import ProgressWorld

pytestmark = pytest.mark.faults

LEAVES = 10_000
UNITS = 20
BROKER_BYTES = 1_572_864
# What a record takes beside its value: batch and record headers, and a key.
ROOM = 200
PEAK_BYTES = 600 * 1024 * 1024


class BigCourse:
    """A course of 10,000 leaf nodes, and events about it."""

    def __init__(self, world: ProgressWorld) -> None:
        self.world = world
        self.id = f"do_{world.token}_big"
        self.contents = [f"{self.id}_{number}" for number in range(LEAVES)]

    def hierarchy(self) -> dict[str, Any]:
        def node(identifier: str, **members: Any) -> dict[str, Any]:
            return {"identifier": identifier, "visibility": "Default", "mimeType": "video/mp4"} | members

        size = LEAVES // UNITS
        units = [
            node(
                f"{self.id}_u{unit}",
                mimeType=COLLECTION,
                visibility="Parent",
                children=[node(content) for content in self.contents[unit * size : (unit + 1) * size]],
            )
            for unit in range(UNITS)
        ]
        return node(self.id, mimeType=COLLECTION, children=units)

    def event(self, user: str, contents: list[Any], course: str | None = None) -> bytes:
        edata = {
            "action": "batch-enrolment-update",
            "userId": f"{self.world.token}-{user}",
            "batchId": f"batch-{self.world.token}",
            "courseId": course or self.id,
            "contents": contents,
        }
        return json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}, separators=(",", ":")).encode()

    def completed(self, count: int) -> list[Any]:
        return [{"contentId": content, "status": 2} for content in self.contents[:count]]

    def largest(self, user: str, completed: int, *more: Any) -> bytes:
        """An event as large as the broker takes; all but a few of its contents are only begun."""
        contents: list[Any] = [*self.completed(completed), *more]
        size = len(self.event(user, contents))
        number = 0
        while size < BROKER_BYTES - ROOM - 100:
            entry = {"contentId": f"c{number}", "status": 1}
            contents.append(entry)
            size += len(json.dumps(entry, separators=(",", ":"))) + 1
            number += 1
        return self.event(user, contents)


@pytest.fixture
def big(world: Any) -> BigCourse:
    return BigCourse(world(8, 1000))


def test_ten_thousand_leaf_nodes_and_the_largest_records_are_all_processed(big: BigCourse) -> None:
    world = big.world
    publish_course(big)
    enrol(big, ("most", "largest", "bad", "lost", "little"))
    largest = big.largest("largest", 100)
    assert len(json.loads(largest)["edata"]["contents"]) > 40_000
    bad = big.largest("bad", 1, "not an object")
    values = [
        big.event("most", big.completed(LEAVES)),
        largest,
        bad,
        # Its failed record tells of every content: more than any topic takes.
        big.event("lost", big.completed(LEAVES), course=f"do_{world.token}_unknown"),
        big.event("little", big.completed(1)),
    ]
    offsets = publish(world, values)
    ended = drained(world)
    batches = {batch["job"]: batch for batch in ended.batches}
    assert batches[RELATION_CACHE_UPDATER.name]["processed"] == 1
    assert (batches[JOB.name]["consumed"], batches[JOB.name]["failed"]) == (5, 2), ended.errors
    enrolments = stored_enrolments(big, ("most", "largest", "bad", "lost", "little"))
    assert enrolments == {
        "most": (2, LEAVES, LEAVES),
        "largest": (1, 100, 100),
        "little": (1, 1, 1),
        "bad": (0, None, 0),
        "lost": (0, None, 0),
    }
    failed = {(headers["offset"], headers["error"]) for _, headers in failed_records(world)}
    assert failed == {(str(offsets[2]), "InvalidEvent"), (str(offsets[3]), "FailedGroup")}
    print(f"peak {ended.peak_bytes / 1024 / 1024:.0f} MB, {batches[JOB.name]['seconds']} s")
    assert 0 < ended.peak_bytes < PEAK_BYTES


def test_a_failed_record_that_its_topic_refuses_does_not_stop_the_lane(big: BigCourse) -> None:
    world = big.world
    limit_topic(world, JOB.failed_topic(world.settings), 400_000)
    dice = random.Random(1)
    # Text that does not compress: the broker measures what is left after compression.
    noise = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(200_000))
    bad = big.event("bad", [noise])
    offsets = publish(world, [bad, big.event("bad", ["small"])])
    ended = drained(world)
    assert [batch["failed"] for batch in ended.batches] == [2], ended.errors
    failed = {int(headers["offset"]): (value, headers) for value, headers in failed_records(world)}
    assert failed.keys() == set(offsets)
    assert failed[offsets[0]][0]["failInfo"]["originalBytes"] > 400_000
    # What came back with the refused one is not made smaller.
    assert failed[offsets[1]][0]["edata"]["contents"] == ["small"]


def publish_course(big: BigCourse) -> None:
    world = big.world
    settings = load_configuration(None, world.environment).for_job(RELATION_CACHE_UPDATER.name)
    cluster = Cluster([world.settings.text("lms-cassandra.host")], port=world.settings.integer("lms-cassandra.port"))
    cluster.connect("dev_hierarchy_store").execute(
        "INSERT INTO content_hierarchy (identifier, hierarchy) VALUES (%s, %s)", (big.id, json.dumps(big.hierarchy()))
    )
    cluster.shutdown()
    topic = RELATION_CACHE_UPDATER.input_topic(settings)
    admin = KafkaAdminClient(bootstrap_servers=world.bootstrap)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()
    edata = {"action": "post-publish-process", "identifier": big.id, "mimeType": COLLECTION}
    publish(world, [json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}).encode()], topic)


def enrol(big: BigCourse, users: tuple[str, ...]) -> None:
    rows: list[list[Any]] = [
        [f"{big.world.token}-{user}", big.id, f"batch-{big.world.token}", 0, True, 1_700_000_000_000_000]
        for user in users
    ]
    cassandra = Cassandra(big.world.settings)
    cassandra.apply(
        RowWrites(f"{KEYSPACE}.user_enrolments", ("userid", "courseid", "batchid"), set=("status", "active"), rows=rows)
    )
    cassandra.close()


def publish(world: ProgressWorld, values: list[bytes], topic: str | None = None) -> list[int]:
    """All into one partition; their offsets."""
    producer = KafkaProducer(bootstrap_servers=world.bootstrap, max_request_size=2_000_000, batch_size=0)
    sent = [producer.send(topic or JOB.input_topic(world.settings), value=value, partition=0) for value in values]
    offsets = [future.get(60).offset for future in sent]
    producer.close()
    return offsets


def drained(world: ProgressWorld) -> Ended:
    """Every job, in the order of the data flow."""
    ended = DrainProcess(world.environment, world.directory).wait(300)
    assert ended.exit_code == 0, ended.errors
    return ended


def limit_topic(world: ProgressWorld, topic: str, max_bytes: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=world.bootstrap)
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"max.message.bytes": str(max_bytes)})
    admin.alter_configs([resource])
    admin.close()


def stored_enrolments(big: BigCourse, users: tuple[str, ...]) -> dict[str, tuple[int, int | None, int]]:
    """User → status, progress, number of content statuses."""
    settings = big.world.settings
    cluster = Cluster([settings.text("lms-cassandra.host")], port=settings.integer("lms-cassandra.port"))
    session = cluster.connect(KEYSPACE)
    found = {}
    for user in users:
        rows = session.execute(
            "SELECT status, progress, contentstatus FROM user_enrolments WHERE userid = %s AND courseid = %s",
            (f"{big.world.token}-{user}", big.id),
        )
        for status, progress, statuses in rows:
            found[user] = (status, progress, len(statuses or ()))
    cluster.shutdown()
    return found


def failed_records(world: ProgressWorld) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Value and headers (without the original) of every record of the failed topic."""
    topic = JOB.failed_topic(world.settings)
    consumer = KafkaConsumer(bootstrap_servers=world.bootstrap, enable_auto_commit=False)
    partitions = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    while any(consumer.position(at) < ends[at] for at in partitions):
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                headers = {name: value.decode() for name, value in record.headers if name != "original"}
                yield json.loads(record.value), headers
    consumer.close()
