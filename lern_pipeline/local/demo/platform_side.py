"""The platform around the pipeline: its rows in Cassandra, its events in Kafka, and what it finds afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cassandra.concurrent import execute_concurrent_with_args
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from lern_pipeline.jobs.relation_cache_updater.state import PACKAGED_KEYSPACE
from lern_pipeline.local.demo.assessments import QUESTIONS
from lern_pipeline.local.demo.certificates import CERT_TEMPLATES, Awarded, profile
from lern_pipeline.local.demo.course import Course
from lern_pipeline.local.demo.learners import COMPLETED, ContentState, SampleEvent
from lern_pipeline.local.demo.third_party import ThirdPartyServices
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.kafka_client import connection
from lern_pipeline.settings import Configuration


@dataclass(slots=True)
class Progress:
    """One learner's progress as the tables have it; a null reads as None."""

    enrolment_status: int | None = None
    progress: int | None = None
    completed_on: datetime | None = None
    aggregates: dict[str, int] = field(default_factory=dict)
    contents: dict[str, tuple[int | None, int | None, int | None]] = field(default_factory=dict)
    #: Of the course: what the aggregates say about the assessment.
    scores: dict[str, float] = field(default_factory=dict)


class Attempt(NamedTuple):
    """A row of ``assessment_aggregator``."""

    user_id: str
    attempt_id: str
    total_score: float
    total_max_score: float
    grand_total: str


class Platform:
    """The LMS and the knowledge platform, as far as the sample needs them."""

    def __init__(self, configuration: Configuration, third_party: ThirdPartyServices) -> None:
        self._third_party = third_party
        self._lms = configuration.for_job("activity-aggregate-updater")
        self._assessments = configuration.for_job("assessment-aggregator")
        self._knowledge = configuration.for_job("relation-cache-updater")
        self._cassandra = Cassandra(self._lms)

    def close(self) -> None:
        self._cassandra.close()

    # --- rows

    def store_course(self, course: Course, learners: Iterable[str], now: datetime) -> None:
        """The published hierarchy, what search and content service know, the batch, and the learners' enrolments."""
        self._third_party.add("search", {course.id: {"objectType": "Collection", "status": "Live"}})
        contents = {course.assessment.id: {"totalQuestions": len(QUESTIONS)}, course.id: {"name": course.name}}
        self._third_party.add("content", contents)
        keyspace = self._knowledge.text("lms-cassandra.keyspace")
        if not self._cassandra.has_keyspace(keyspace):
            keyspace = PACKAGED_KEYSPACE
        hierarchies = f"{keyspace}.{self._knowledge.text('lms-cassandra.table')}"
        self._insert(hierarchies, ("identifier", "hierarchy"), [(course.id, course.hierarchy())])
        self._insert(
            f"{self._lms.text('lms-cassandra.keyspace')}.course_batch",
            ("courseid", "batchid", "name", "enrollmenttype", "status", "created_date", "start_date", "cert_templates"),
            [(course.id, course.batch_id, f"Open batch of {course.name}", "open", 1, now, now, CERT_TEMPLATES)],
        )
        self.store_enrolments(course, learners, now)

    def store_enrolments(self, course: Course, learners: Iterable[str], now: datetime) -> None:
        """The learners join the course's batch; the user service knows them."""
        learners = list(learners)
        self._third_party.add("users", {"users": {user: profile(user) for user in learners}})
        self._insert(
            self._table("user_enrolments"),
            ("userid", "courseid", "batchid", "active", "addedby", "enrolled_date", "progress", "status"),
            [(user, course.id, course.batch_id, True, user, now, 0, 0) for user in learners],
        )

    def store_states(self, course: Course, states: Iterable[ContentState], now: datetime) -> None:
        """Content states as the LMS keeps them; the counters beside them are the pipeline's."""
        self._insert(
            self._table("content_consumption"),
            ("userid", "courseid", "batchid", "contentid", "status", "progress", "last_access_time"),
            [
                (state.user_id, course.id, course.batch_id, state.content_id, state.status, _percent(state.status), now)
                for state in states
            ],
        )

    def progress_of(self, course: Course, user_id: str) -> Progress:
        """What the tables say about one learner."""
        found = Progress()
        mine = "userid = %s AND courseid = %s AND batchid = %s"
        key = (user_id, course.id, course.batch_id)
        columns = "status, progress, completedon"
        for row in self._select(f"SELECT {columns} FROM {self._table('user_enrolments')} WHERE {mine}", key):
            found.enrolment_status, found.progress, found.completed_on = row
        columns = "contentid, status, viewcount, completedcount"
        for row in self._select(f"SELECT {columns} FROM {self._table('content_consumption')} WHERE {mine}", key):
            found.contents[row[0]] = (row[1], row[2], row[3])
        query = (
            f"SELECT aggregates FROM {self._table('user_activity_agg')} "
            "WHERE activity_type = 'Course' AND activity_id = %s AND user_id = %s AND context_id = %s"
        )
        for activity in (course.id, *(unit.id for unit in course.all_units)):
            for (aggregates,) in self._select(query, (activity, user_id, f"cb:{course.batch_id}")):
                values = dict(aggregates or {})
                found.aggregates[activity] = int(values.pop("completedCount", 0))
                found.scores |= values
        return found

    def completed_learners(self, course: Course, learners: Iterable[str]) -> int:
        """How many enrolments are completed."""
        rows = self._cassandra.select(
            self._table("user_enrolments"),
            ("userid", "status"),
            equal=("courseid", "batchid"),
            within="userid",
            keys=((course.id, course.batch_id, user_id) for user_id in learners),
        )
        return sum(status == COMPLETED for _, status in rows)

    def awarded(self, course: Course, learners: Iterable[str]) -> Awarded:
        """Certificates, feed entries and mails of the course."""
        rows = self._cassandra.select(
            self._table("user_enrolments"),
            ("userid", "issued_certificates"),
            equal=("courseid", "batchid"),
            within="userid",
            keys=((course.id, course.batch_id, user_id) for user_id in learners),
        )
        enrolled = {user: [issued["identifier"] for issued in certificates or ()] for user, certificates in rows}
        return Awarded.of(course, self._third_party.state(), enrolled)

    def notifications_asked_for(self, course: Course) -> list[dict[str, Any]]:
        """What the notification service was asked to send about the course."""
        asked: list[dict[str, Any]] = self._third_party.state()["users"]["notifications"]
        return [request for request in asked if request.get("TrainingName") == course.name]

    def certificate_picture(self, certificate_id: str) -> str:
        """As the registry draws it."""
        return self._third_party.picture(f"/rc/api/v1/TrainingCertificate/{certificate_id}")

    def attempts(self, course: Course, learners: Iterable[str]) -> list[Attempt]:
        """The learners' attempts in this course, in order."""
        table = f"{self._assessments.text('lms-cassandra.keyspace')}.{self._assessments.text('lms-cassandra.table')}"
        rows = self._cassandra.select(
            table,
            ("user_id", "attempt_id", "total_score", "total_max_score", "grand_total"),
            equal=("course_id", "batch_id"),
            within="user_id",
            keys=((course.id, course.batch_id, user_id) for user_id in learners),
        )
        return sorted(Attempt(*row) for row in rows)

    def _table(self, name: str) -> str:
        return f"{self._lms.text('lms-cassandra.keyspace')}.{self._lms.text(f'lms-cassandra.{name}.table')}"

    def _insert(self, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        session = self._cassandra.session()
        places = ", ".join("?" for _ in columns)
        statement = session.prepare(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})")
        execute_concurrent_with_args(session, statement, rows, concurrency=32, raise_on_first_error=True)

    def _select(self, query: str, parameters: tuple[Any, ...]) -> Iterable[Any]:
        return list(self._cassandra.session().execute(query, parameters))

    # --- events

    def publish(self, topic: str, events: Iterable[SampleEvent]) -> dict[int, int]:
        """Publishes in order, compressed as the platform's producers do; partition → offset after the last one."""
        producer = KafkaProducer(
            **connection(self._lms), acks="all", compression_type="snappy", linger_ms=20, batch_size=64 * 1024
        )
        ends: dict[int, int] = {}
        try:
            sent = [producer.send(topic, value=event.value, key=_bytes(event.key)) for event in events]
            for future in sent:
                at = future.get(timeout=30)
                ends[at.partition] = max(at.offset + 1, ends.get(at.partition, 0))
        finally:
            producer.close(timeout=10)
        return ends

    def certificate_requests(self, course: Course, since: Mapping[int, int]) -> list[dict[str, Any]]:
        """The requests for this course's certificate that stand behind `since` (partition → offset), those for its
        completion; each assessment asks for one too."""
        mine = []
        for value in self._read(self._lms.text("kafka.certissue.topic"), since):
            request = json.loads(value)
            edata = request.get("edata", {})
            if edata.get("courseId") == course.id and "attemptId" not in edata:
                mine.append(request)
        return mine

    def certificate_topic_ends(self) -> dict[int, int]:
        """Where the topic of certificate requests ends now."""
        topic = self._lms.text("kafka.certissue.topic")
        with self._consumer() as consumer:
            ends = consumer.end_offsets(self._partitions(consumer, topic))
        return {at.partition: end for at, end in ends.items()}

    def _read(self, topic: str, since: Mapping[int, int]) -> list[bytes]:
        values: list[bytes] = []
        with self._consumer() as consumer:
            partitions = self._partitions(consumer, topic)
            ends = consumer.end_offsets(partitions)
            consumer.assign(partitions)
            for at in partitions:
                consumer.seek(at, since.get(at.partition, 0))
            while any(consumer.position(at) < ends[at] for at in partitions):
                for records in consumer.poll(timeout_ms=500).values():
                    values += [record.value for record in records if record.value]
        return values

    @staticmethod
    def _partitions(consumer: Any, topic: str) -> list[Any]:
        return [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic) or ())]

    @contextmanager
    def _consumer(self) -> Iterator[Any]:
        consumer = KafkaConsumer(
            **connection(self._lms), enable_auto_commit=False, isolation_level="read_committed", metrics_enabled=False
        )
        try:
            yield consumer
        finally:
            consumer.close(autocommit=False)


def sample_time() -> datetime:
    """Now, as Cassandra keeps it."""
    return datetime.now(UTC).replace(microsecond=0)


def _percent(status: int) -> int:
    return 100 if status == COMPLETED else 50


def _bytes(key: str | None) -> bytes | None:
    return None if key is None else key.encode()
