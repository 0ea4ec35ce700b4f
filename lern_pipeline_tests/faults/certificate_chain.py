"""From a completed course to a certificate and a mail: all jobs of the chain, and the platform around them."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.jobs.collection_cert_pre_processor.job import COLLECTION_CERT_PRE_PROCESSOR
from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.microbatch.plan import CacheWrites, ReplaceSet, RowWrites, SetText
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.drain_process import DrainProcess, Ended
from lern_pipeline_tests.faults.job_world import KEYSPACE, connected, read_all
from lern_pipeline_tests.third_party.mail_server import MailServer
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.all_services import all_services

CHAIN = (
    ACTIVITY_AGGREGATE_UPDATER,
    COLLECTION_CERT_PRE_PROCESSOR,
    COLLECTION_CERTIFICATE_GENERATOR,
    NOTIFICATION_JOB,
)
CONTENTS = ("c1", "c2")
LABEL = "Merit Certificate"
NOW_MS = 1_790_000_000_000


@dataclass(frozen=True)
class Earned:
    """What one learner has in the end, each counted: certificates in the registry and in the enrolment (their ids),
    entries of the feed, notifications asked for, mails."""

    registered: tuple[str, ...]
    enrolled: tuple[str, ...]
    feed: int
    notifications: int
    mails: int


class CertificateChain:
    """Own topics, ids and Dagster home on the shared servers; services and mail server of its own."""

    def __init__(self, addresses: StackAddresses, directory: Path, learners: int, third_party: ThirdParty) -> None:
        self.token = f"ch{uuid.uuid4().hex[:8]}"
        self.course, self.batch = f"do_{self.token}", f"batch{self.token}"
        self.learners = [f"u{number}-{self.token}" for number in range(learners)]
        self._addresses, self._directory, self._third_party = addresses, directory, third_party
        self._mail = MailServer()
        self._forwarded = 0
        (directory / "dagster").mkdir(parents=True)
        at = third_party.address
        self.environment = {
            "LERN_PIPELINE_ENV": self.token,
            "LERN_PIPELINE_KAFKA_BROKER_SERVERS": self._bootstrap,
            "LERN_PIPELINE_KAFKA_AUTO_OFFSET_RESET": "earliest",
            "LERN_PIPELINE_LMS_CASSANDRA_HOST": addresses.cassandra_host,
            "LERN_PIPELINE_LMS_CASSANDRA_PORT": str(addresses.cassandra_port),
            "LERN_PIPELINE_REDIS_HOST": addresses.redis_host,
            "LERN_PIPELINE_REDIS_PORT": str(addresses.redis_port),
            "LERN_PIPELINE_SERVICE_LEARNER_BASEPATH": f"{at}/userorg",
            "LERN_PIPELINE_SERVICE_RC_BASEPATH": f"{at}/rc/api/v1",
            "LERN_PIPELINE_SERVICE_CONTENT_BASEPATH": f"{at}/api",
            "LERN_PIPELINE_CERT_DOMAIN_URL": "https://lms.example.org",
            "LERN_PIPELINE_CLOUD_STORAGE_BASE_URL": "https://store.example.net",
            "LERN_PIPELINE_CONTENT_CLOUD_STORAGE_CONTAINER": "content",
            "LERN_PIPELINE_MAIL_SERVER_HOST": self._mail.host,
            "LERN_PIPELINE_MAIL_SERVER_PORT": str(self._mail.port),
            "LERN_PIPELINE_MAIL_SERVER_FROM_EMAIL": "noreply@lern.test",
            # One after the other: a kill hits one effect, and what it leaves is not up to chance.
            "LERN_PIPELINE_EFFECTS_CONCURRENCY": "1",
            "LERN_PIPELINE_OUTAGE_TIMEOUT_SECONDS": "20",
            "DAGSTER_HOME": str(directory / "dagster"),
        }

    @property
    def _bootstrap(self) -> str:
        return f"{self._addresses.kafka_host}:{self._addresses.kafka_port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """With the mail server up, and everything there that the platform has before a learner completes."""
        with self._mail:
            self._make_topics()
            self._store()
            yield

    def _make_topics(self) -> None:
        configuration = load_configuration(None, self.environment)
        names: set[str] = set()
        for job in CHAIN:
            settings = configuration.for_job(job.name)
            outputs = (settings.optional_text(setting) for setting in job.output_topics)
            names |= {job.input_topic(settings), job.failed_topic(settings), *(topic for topic in outputs if topic)}
        admin = KafkaAdminClient(bootstrap_servers=self._bootstrap)
        admin.create_topics([NewTopic(name, 2, 1) for name in sorted(names.difference(admin.list_topics()))])
        admin.close()

    def _store(self) -> None:
        settings = load_configuration(None, self.environment).for_job(ACTIVITY_AGGREGATE_UPDATER.name)
        users = {
            learner: {"firstName": f"Asha {number}", "lastName": "Rao", "rootOrgId": "org-1", "maskedPhone": ""}
            for number, learner in enumerate(self.learners)
        }
        self._third_party.services["users"].add({"users": users})
        caches = RedisServers(settings)
        contents = tuple(f"{self.course}_{content}" for content in CONTENTS)
        relations = settings.integer("redis.database.relationCache.id")
        leafnodes = ReplaceSet(f"{self.course}:{self.course}:leafnodes", contents)
        caches.apply(CacheWrites("redis", relations, [[leafnodes]]))
        name = json.dumps({"name": f"Road Safety {self.token}"})
        caches.apply(CacheWrites("redis", 0, [[SetText(self.course, name)]]))
        caches.close()
        cassandra = Cassandra(settings)
        for writes in self._rows():
            cassandra.apply(writes)
        cassandra.close()

    def _rows(self) -> Iterator[RowWrites]:
        now_us = NOW_MS * 1000 - 10**12
        template = {
            "identifier": "do_t1",
            "name": LABEL,
            "url": "CLOUD_BASE_PATH/content/do_t1/merit.svg",
            "criteria": '{"enrollment":{"status":2}}',
            "issuer": '{"name":"Example Board","url":"https://board.example.org"}',
            "signatoryList": json.dumps(
                [{"id": "DIR", "name": "A. Roy", "designation": "Director", "image": "https://img.example.org/d.png"}]
            ),
            "notifyTemplate": json.dumps(
                {
                    "subject": "Well done",
                    "stateImgUrl": "CLOUD_BASE_PATH/img/logo.png",
                    "regards": "Board",
                    "regardsperson": "A. Roy",
                    "emailTemplateType": "defaultCertTemp",
                }
            ),
        }
        yield RowWrites(
            f"{KEYSPACE}.course_batch",
            ("courseid", "batchid"),
            ("cert_templates",),
            rows=[[self.course, self.batch, {"do_t1": template}, now_us]],
        )
        yield RowWrites(
            f"{KEYSPACE}.user_enrolments",
            ("userid", "courseid", "batchid"),
            ("active", "status"),
            rows=[[learner, self.course, self.batch, True, 0, now_us] for learner in self.learners],
        )

    # --- what happens

    def complete(self) -> None:
        """Every learner completes every content."""
        settings = load_configuration(None, self.environment).for_job(ACTIVITY_AGGREGATE_UPDATER.name)
        self._publish(
            ACTIVITY_AGGREGATE_UPDATER.input_topic(settings),
            [
                {
                    "eid": "BE_JOB_REQUEST",
                    "mid": f"LP.{self.token}.{learner}",
                    "edata": {
                        "action": "batch-enrolment-update",
                        "userId": learner,
                        "courseId": self.course,
                        "batchId": self.batch,
                        "contents": [{"contentId": f"{self.course}_{content}", "status": 2} for content in CONTENTS],
                    },
                }
                for learner in self.learners
            ],
        )

    def forward_notifications(self) -> None:
        """The notification service: what it was asked since the last time becomes an event each, as it makes them."""
        asked = self._notifications()
        events = []
        for number in range(self._forwarded, len(asked)):
            (learner,) = asked[number]["recipientUserIds"]
            text = f"<p>{asked[number]['TrainingName']} is completed, {asked[number]['firstName']}.</p>"
            notification = {
                "mode": "email",
                "deliveryType": "message",
                "config": {"subject": asked[number]["subject"]},
                "ids": [f"{learner}@lern.test"],
                "template": {"data": text},
            }
            edata = {
                "action": "broadcast-topic-notification-all",
                "iteration": 1,
                "request": {"notification": notification},
            }
            events.append({"eid": "BE_JOB_REQUEST", "mid": f"NS.{self.token}.{number}", "edata": edata})
        self._forwarded = len(asked)
        settings = load_configuration(None, self.environment).for_job(NOTIFICATION_JOB.name)
        self._publish(NOTIFICATION_JOB.input_topic(settings), events)

    def _publish(self, topic: str, events: Sequence[dict[str, Any]]) -> None:
        producer = KafkaProducer(bootstrap_servers=self._bootstrap, compression_type="snappy")
        for event in events:
            producer.send(topic, value=json.dumps(event).encode())
        producer.flush()
        producer.close()

    def drain(self, job: str | None = None, crash_at: str | None = None) -> Ended:
        """Drain one job or all; with ``crash_at`` it dies there, if it comes there."""
        environment = self.environment | ({"LERN_PIPELINE_CRASH_AT": crash_at} if crash_at else {})
        return DrainProcess(environment, self._directory, *(("--job", job) if job else ())).wait()

    def drained(self, job: str | None = None) -> Ended:
        """Drain to a good end."""
        ended = self.drain(job)
        assert ended.exit_code == 0, ended.errors
        return ended

    # --- what there is

    def _notifications(self) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = self._third_party.services["users"].state()["notifications"]
        return [request for request in asked if self.token in json.dumps(request)]

    def earned(self) -> dict[str, Earned]:
        """By learner."""
        certificates = self._third_party.services["registry"].state()["certificates"].values()
        feed = Counter(entry["userId"] for entry in self._third_party.services["users"].state()["feed"])
        notifications = Counter(request["recipientUserIds"][0] for request in self._notifications())
        mails = Counter(recipient for mail in self._mail.mails for recipient in mail.recipients)
        enrolled = self._enrolled()
        return {
            learner: Earned(
                tuple(c["osid"] for c in certificates if c["recipient"]["id"] == learner and c["_status"] == "ACTIVE"),
                enrolled.get(learner, ()),
                feed[learner],
                notifications[learner],
                mails[f"{learner}@lern.test"],
            )
            for learner in self.learners
        }

    def _enrolled(self) -> dict[str, tuple[str, ...]]:
        with connected(self._addresses) as session:
            statement = session.prepare(
                f"SELECT userid, issued_certificates FROM {KEYSPACE}.user_enrolments "
                "WHERE userid = ? AND courseid = ? AND batchid = ?"
            )
            rows = [
                row
                for learner in self.learners
                for row in session.execute(statement, (learner, self.course, self.batch))
            ]
        return {row["userid"]: tuple(c["identifier"] for c in row["issued_certificates"] or ()) for row in rows}

    def audits(self) -> Counter[str]:
        """How many different AUDIT events there are of each certificate."""
        settings = load_configuration(None, self.environment).for_job(COLLECTION_CERTIFICATE_GENERATOR.name)
        topic = settings.text("kafka.output.audit.topic")
        events = {text: json.loads(text) for _, text, _ in read_all(self._bootstrap, [topic])}
        mine = {e["mid"]: e["object"]["id"] for e in events.values() if e["object"]["type"] == "Certificate"}
        return Counter(mine.values())

    @property
    def unfinished(self) -> int:
        """How many effects an operator is asked about."""
        from lern_pipeline.resources.effect_ledger import CassandraEffectLedger

        settings = load_configuration(None, self.environment).for_job(NOTIFICATION_JOB.name)
        cassandra = Cassandra(settings)
        try:
            ledger = CassandraEffectLedger(settings, cassandra)
            lines = [line for job in ALL_JOBS if job.performers for line in ledger.unfinished(job.name)]
        finally:
            cassandra.close()
        return sum(self.token in line.key or self.token in line.batch for line in lines)


@contextmanager
def certificate_chain(addresses: StackAddresses, directory: Path, learners: int = 3) -> Iterator[CertificateChain]:
    """The chain with its services, up to its end."""
    with ThirdParty(all_services()) as third_party:
        chain = CertificateChain(addresses, directory, learners, third_party)
        with chain.running():
            yield chain
