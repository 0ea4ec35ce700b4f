"""The longest way through the pipeline: a completed course, its certificate, the mail that tells of it."""

from __future__ import annotations

import json
import time
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER as PROGRESS
from lern_pipeline.jobs.collection_cert_pre_processor.job import COLLECTION_CERT_PRE_PROCESSOR
from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB
from lern_pipeline.local.demo.certificates import CERT_TEMPLATES, notification_events, profile
from lern_pipeline.local.demo.third_party import ThirdPartyServices
from lern_pipeline.microbatch.plan import CacheWrites, ReplaceSet, RowWrites
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.kafka_client import connection
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline.settings import Configuration

JOBS = (PROGRESS, COLLECTION_CERT_PRE_PROCESSOR, COLLECTION_CERTIFICATE_GENERATOR, NOTIFICATION_JOB)
LOOK_SECONDS = 0.1
GIVE_UP_SECONDS = 180.0


class EventToMail:
    """The platform's side. The certificate registry, the user service and the mail server are stood in for."""

    def __init__(self, configuration: Configuration, third_party: ThirdPartyServices, token: str) -> None:
        self._configuration = configuration
        self._settings = configuration.for_job(PROGRESS.name)
        self._third_party = third_party
        self._token = token
        self._course, self._batch = f"do_{token}_mail", f"batch_{token}"
        self._content = f"{self._course}_c1"

    def prepare(self) -> None:
        """Topics, the course batch with its template, the course's only content, its name."""
        names: set[str] = set()
        for job in JOBS:
            settings = self._configuration.for_job(job.name)
            outputs = (settings.optional_text(name) for name in job.output_topics)
            names |= {job.input_topic(settings), job.failed_topic(settings), *(topic for topic in outputs if topic)}
        admin = KafkaAdminClient(**connection(self._settings))
        admin.create_topics([NewTopic(name, 2, 1) for name in sorted(names.difference(admin.list_topics()))])
        admin.close()
        self._third_party.add("content", {self._course: {"name": self._course}})
        caches = RedisServers(self._settings)
        leafnodes = ReplaceSet(f"{self._course}:{self._course}:leafnodes", (self._content,))
        relations = self._settings.integer("redis.database.relationCache.id")
        caches.apply(CacheWrites("redis", relations, [[leafnodes]]))
        caches.close()
        self._write("course_batch", ("courseid", "batchid"), {"cert_templates": CERT_TEMPLATES})

    def seconds(self, number: int) -> float:
        """From publishing a learner's completion until the mail server has the mail.

        Raises:
            LernPipelineError: it did not come.
        """
        learner = f"u-{self._token}-mail{number}"
        self._third_party.add("users", {"users": {learner: profile(learner)}})
        self._write("user_enrolments", ("userid", "courseid", "batchid"), {"status": 0, "active": True}, learner)
        edata = {
            "action": "batch-enrolment-update",
            "userId": learner,
            "courseId": self._course,
            "batchId": self._batch,
            "contents": [{"contentId": self._content, "status": 2}],
        }
        began = time.monotonic()
        self._send(PROGRESS.input_topic(self._settings), json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}).encode())
        told = False
        while True:
            state = self._third_party.state()
            if not told:
                asked = [r for r in state["users"]["notifications"] if r["recipientUserIds"] == [learner]]
                if asked:
                    self._tell(asked, number)
                    told = True
            if any(learner in to for mail in state["mail"]["mails"] for to in mail["to"]):
                return time.monotonic() - began
            if time.monotonic() - began > GIVE_UP_SECONDS:
                raise LernPipelineError(f"no mail within {GIVE_UP_SECONDS:.0f} s after a completed course")
            time.sleep(LOOK_SECONDS)

    def _tell(self, asked: list[dict[str, Any]], number: int) -> None:
        """As the notification service does."""
        topic = NOTIFICATION_JOB.input_topic(self._configuration.for_job(NOTIFICATION_JOB.name))
        for event in notification_events(asked, f"{self._token}-{number}", int(time.time() * 1000)):
            self._send(topic, event.value)

    def _send(self, topic: str, value: bytes) -> None:
        producer = KafkaProducer(**connection(self._settings), linger_ms=0)
        producer.send(topic, value=value).get(timeout=30)
        producer.close()

    def _write(self, table: str, key: tuple[str, ...], columns: dict[str, Any], learner: str | None = None) -> None:
        known = {"userid": learner, "courseid": self._course, "batchid": self._batch}
        values = [*(known[name] for name in key), *columns.values(), int(time.time() * 1e6)]
        cassandra = Cassandra(self._settings)
        name = f"{self._settings.text('lms-cassandra.keyspace')}.{table}"
        cassandra.apply(RowWrites(name, key, set=tuple(columns), rows=[values]))
        cassandra.close()
