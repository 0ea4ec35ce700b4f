"""The platform around the certificate jobs, in memory: enrolments, a registry that keeps, services that take."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.jobs.legacy_certificate_migrator.job import LEGACY_CERTIFICATE_MIGRATOR
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.journalled_store import JournalledStore
from lern_pipeline_tests.microbatch.tally import key_of

Json = dict[str, Any]

#: 2024-03-06T07:15:30.042Z, as in the contract's examples.
NOW = 1_709_709_330.042

ENROLMENTS = "sunbird_courses.user_enrolments"
BATCHES = "sunbird_courses.course_batch"
REGISTRY = "sunbird.cert_registry"
COMPLETED = 1_709_664_000_000

TEMPLATE = {
    "subject": "Well done",
    "stateImgUrl": "CLOUD_BASE_PATH/img/logo.png",
    "regards": "Board",
    "regardsperson": "A. Roy",
    "emailTemplateType": "defaultCertTemp",
}
ATTENDANCE = {"name": "Attendance", "identifier": "1-b", "token": "", "templateUrl": "u", "type": "TrainingCertificate"}

EDATA: Json = {
    "issuedDate": "2024-03-05",
    "data": [{"recipientName": "Asha", "recipientId": "u501"}],
    "criteria": {"narrative": "Merit Certificate"},
    "svgTemplate": "https://cdn.example.org/content/t1/merit.svg",
    "oldId": "",
    "templateId": "do_t1",
    "userId": "u501",
    "orgId": "org9",
    "issuer": {"name": "Example Board", "url": "https://board.example.org"},
    "signatoryList": [
        {"id": "DIR", "name": "A. Roy", "designation": "Director", "image": "https://img.example.org/dir.png"}
    ],
    "courseName": "Road Safety",
    "basePath": "https://lms.example.org/certs",
    "related": {"batchId": "0140077", "courseId": "do_900", "type": "Merit Certificate"},
    "name": "Merit Certificate",
    "tag": "0140077",
}

SETTINGS = {
    "LERN_PIPELINE_ENV": "test",
    "LERN_PIPELINE_SERVICE_RC_RCAPIKEY": "K1",
    "LERN_PIPELINE_CLOUD_STORAGE_CNAME_URL": "https://cdn.example.org",
    "LERN_PIPELINE_CLOUD_STORAGE_BASE_URL": "https://store.example.net",
    "LERN_PIPELINE_CONTENT_CLOUD_STORAGE_CONTAINER": "content",
    "LERN_PIPELINE_SUNBIRD_INSTANCE_NAME": "Learn",
    "LERN_PIPELINE_SERVICE_RC_SEARCH_WAIT_SECONDS": "0",
    "LERN_PIPELINE_HTTP_ATTEMPTS": "1",
}


class Platform:
    """One installation in memory. Events are published with :meth:`ask`, worked on with :meth:`run`."""

    def __init__(self, base: Path, job: JobSpec[Any, Any] = COLLECTION_CERTIFICATE_GENERATOR, **settings: str) -> None:
        self.world = InMemoryWorld()
        self.base = base
        self.job = job
        self.settings: JobSettings = load_configuration(None, SETTINGS | settings).for_job(job.name)
        self.certificates = self.world.certificates
        self.registry = self.certificates.registry
        self._begun = 0

    def enrol(self, user: str = "u501", held: list[Json] | None = None, phone: str = "") -> None:
        key = {"userid": user, "courseid": "do_900", "batchid": "0140077"}
        self.world.rows.give(ENROLMENTS, key, {"completedon": COMPLETED, "issued_certificates": held})
        self.world.users.answers[user] = {"firstName": "Asha", "maskedPhone": phone}
        batch = {"courseid": "do_900", "batchid": "0140077"}
        template = {"name": "Merit Certificate", "notifyTemplate": json.dumps(TEMPLATE)}
        self.world.rows.give(BATCHES, batch, {"cert_templates": {"do_t1": template}})

    def ask(self, user: str = "u501", **edata: Any) -> None:
        members = copy.deepcopy(EDATA) | {"userId": user, "data": [{"recipientName": "Asha", "recipientId": user}]}
        self.publish({"eid": "BE_JOB_REQUEST", "edata": members | edata})

    def publish(self, event: Json) -> None:
        self.world.broker.append(json.dumps(event).encode())

    def run(self, attempt: int = 1, rerun: bool = False, now: float = NOW) -> BatchResult:
        """The batch of what was published since the last :meth:`next_batch`, or of all."""
        store = JournalledStore(str(self.base), self.job.name, self.world.journal)
        run = MicroBatchRun(self.job, self.settings, self.world.services, store, clock=lambda: now)
        return run.execute(key_of(self.world.broker, {0: self._begun}), attempt, rerun)

    def next_batch(self) -> None:
        self._begun = len(self.world.broker.partitions.get(0, ()))

    def held(self, user: str = "u501") -> list[Json]:
        row = self.world.rows.row(ENROLMENTS, {"userid": user})
        assert row is not None
        return list(row["issued_certificates"] or ())

    def messages(self, topic: str) -> list[Json]:
        return [json.loads(m.value) for m in self.world.broker.published if m.topic == topic]

    @property
    def audits(self) -> list[Json]:
        return self.messages(self.settings.text("kafka.output.audit.topic"))

    @property
    def failed(self) -> list[Json]:
        return self.messages(self.settings.text("kafka.output.failed.topic"))


def migration_platform(base: Path, **settings: str) -> Platform:
    return Platform(base, LEGACY_CERTIFICATE_MIGRATOR, **settings)
