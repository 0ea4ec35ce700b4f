"""Batches with templates, learners and requests of collection-cert-pre-processor on stores in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lern_pipeline.events.record import Record
from lern_pipeline.jobs.collection_cert_pre_processor.job import COLLECTION_CERT_PRE_PROCESSOR
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld

BATCHES = "sunbird_courses.course_batch"
ENROLMENTS = "sunbird_courses.user_enrolments"
AGGREGATES = "sunbird_courses.user_activity_agg"
COLUMNS = {
    "userid": "text",
    "courseid": "text",
    "batchid": "text",
    "active": "boolean",
    "addedby": "text",
    "completedon": "timestamp",
    "contentstatus": "map<text, int>",
    "issued_certificates": "list<frozen<map<text, text>>>",
    "status": "int",
    "took": "duration",
}

REQUESTS = "test.generate.certificate.request"
FAILED = "test.issue.certificate.failed"

STARTED = 1_709_700_000.0
#: 2024-03-05 18:40:00 UTC, the contract's worked examples.
COMPLETED_MS = 1_709_664_000_000

USER, COURSE, BATCH = "u501", "do_900", "0140077"
PROFILE: dict[str, Any] = {
    "firstName": "Asha",
    "lastName": "NULL",
    "rootOrgId": "org9",
    "channel": "north",
    "userLocations": [{"type": "state", "name": "Kerala"}, {"type": "block", "name": "B1"}],
}
MERIT = {
    "name": "Merit Certificate",
    "identifier": "do_t1",
    "url": "CLOUD_BASE_PATH/content/do_t1/artifact/merit.svg",
    "criteria": '{"enrollment":{"status":2},"assessment":{"score":{">=":60}}}',
    "issuer": '{"name":"Example Board","url":"https://board.example.org"}',
    "signatoryList": '[{"id":"DIR","name":"A. Roy","designation":"Director","image":"https://img.example.org/dir.png"}]',
    "additionalProps": '{"enrollment":["completedOn"],"assessment":["score"],"location":["state","district"],'
    '"user":["channel"],"course":["name"]}',
}
ATTENDANCE = {
    "name": "Attendance",
    "identifier": "do_t2",
    "url": "CLOUD_BASE_PATH/x/att.svg",
    "criteria": '{"enrollment":{"status":2}}',
}


def certificate_settings(**settings: str) -> JobSettings:
    """Settings of the worked examples, and those given by documented name, dots as underscores."""
    given = {
        "cert_domain_url": "https://lms.example.org",
        "cloud_storage_base_url": "https://store.example.net",
        "cloud_storage_cname_url": "https://cdn.example.org",
        "content_cloud_storage_container": "content",
    } | settings
    names = {f"LERN_PIPELINE_{name.upper()}": value for name, value in given.items()}
    return load_configuration(None, {"LERN_PIPELINE_ENV": "test"} | names).for_job(COLLECTION_CERT_PRE_PROCESSOR.name)


def issue(*users: Any, **edata: Any) -> dict[str, Any]:
    """An event as the LMS sends it; ``...`` leaves a member of ``edata`` out."""
    members = {
        "userIds": list(users or (USER,)),
        "action": "issue-certificate",
        "batchId": BATCH,
        "courseId": COURSE,
        "reIssue": False,
    } | edata
    return {"eid": "BE_JOB_REQUEST", "edata": {name: value for name, value in members.items() if value is not ...}}


def template(criteria: Any, **fields: Any) -> dict[str, str]:
    """A template's fields; what is no text becomes one as JSON."""
    given = {"name": "Merit", "identifier": "do_t1", "url": "https://x/y.svg", "criteria": criteria} | fields
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}


@dataclass
class Certificates:
    """The platform around the job. Batches take what was published since the last one."""

    base: str
    settings: JobSettings = field(default_factory=certificate_settings)
    world: InMemoryWorld = field(default_factory=InMemoryWorld)
    planned: dict[int, int] = field(default_factory=dict)
    keys: list[MicroBatchKey] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.rows.columns[ENROLMENTS] = COLUMNS

    # --- what is given

    def templates(self, *templates: dict[str, str], batch: str = BATCH) -> None:
        """The batch's templates, under keys ``do_t1`` and so on."""
        named = {f"do_t{number}": fields for number, fields in enumerate(templates, 1)}
        self.world.rows.give(BATCHES, {"courseid": COURSE, "batchid": batch}, {"cert_templates": named})

    def enrolled(self, user: str = USER, batch: str = BATCH, **columns: Any) -> None:
        given = {"active": True, "status": 2, "completedon": COMPLETED_MS} | columns
        self.world.rows.give(ENROLMENTS, {"userid": user, "courseid": COURSE, "batchid": batch}, given)

    def scored(self, user: str = USER, agg: dict[str, int] | None = None, **aggregates: float) -> None:
        """``a=7`` is the score of ``do_a``, ``max_a=10`` its maximum."""
        key = {"activity_type": "Course", "activity_id": COURSE, "user_id": user, "context_id": f"cb:{BATCH}"}
        named = {
            f"max_score:do_{name.removeprefix('max_')}" if name.startswith("max_") else f"score:do_{name}": value
            for name, value in aggregates.items()
        }
        self.world.rows.give(AGGREGATES, key, {"aggregates": named, "agg": agg or {}})

    def content(self, content_id: str, cached: str) -> None:
        self.world.caches.database("redis-meta", 5)[content_id] = cached

    def course(self, cached: str, course: str = COURSE) -> None:
        self.world.caches.database("redis", 0)[course] = cached

    def profile(self, user: str = USER, answer: Any = None) -> None:
        self.world.users.answers[user] = PROFILE if answer is None else answer

    def state_s(self) -> None:
        """State S of the worked examples."""
        self.templates(MERIT)
        self.enrolled()
        self.scored(a=7, max_a=10, b=5, max_b=5)
        self.content("do_a", '{"contentType":"SelfAssess"}')
        self.world.contents.types["do_b"] = "PracticeResource"
        self.course('{"name":"Road\\nSafety","identifier":"do_900"}')
        self.profile()

    def publish(self, event: Any, partition: int = 0) -> Record:
        return self.world.broker.append(json.dumps(event).encode(), partition)

    # --- running

    def run(self, now: float | None = None) -> BatchResult:
        """One batch of everything new, a second after the one before."""
        now = STARTED + len(self.keys) if now is None else now
        ends = self.world.broker.ends()
        ranges = [OffsetRange(partition, self.planned.get(partition, 0), end) for partition, end in ends.items()]
        self.planned = ends
        self.keys.append(MicroBatchKey.of(datetime.fromtimestamp(now, UTC), ranges))
        return self.execute(self.keys[-1], now)

    def run_events(self, *events: Any) -> BatchResult:
        for event in events:
            self.publish(event)
        return self.run()

    def execute(self, key: MicroBatchKey, now: float = STARTED, rerun: bool = False) -> BatchResult:
        store = BatchStore(self.base, COLLECTION_CERT_PRE_PROCESSOR.name)
        services = self.world.services
        run = MicroBatchRun(COLLECTION_CERT_PRE_PROCESSOR, self.settings, services, store, clock=lambda: now)
        return run.execute(key, 1, rerun)

    def rewind(self) -> None:
        """To the beginning: the next batch reads all records again."""
        self.planned = {}

    # --- what is found

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self._messages(REQUESTS)

    @property
    def failed(self) -> list[dict[str, Any]]:
        return self._messages(FAILED)

    def edata(self) -> dict[str, Any]:
        """Of the only request."""
        (request,) = self.requests
        edata: dict[str, Any] = request["edata"]
        return edata

    def told(self) -> tuple[str, str]:
        """Code and text of the only failed record."""
        (record,) = self.failed
        return record["failInfo"]["errorCode"], record["failInfo"]["error"]

    def _messages(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(message.value) for message in self.world.broker.published if message.topic == topic]


def counters(result: BatchResult) -> dict[str, float]:
    """The batch's metrics that are not 0."""
    return {name: value for name, value in result.plan.metrics.items() if value}


def account(result: BatchResult) -> tuple[int, int, int]:
    """Processed, skipped, failed."""
    return result.account.processed, result.account.skipped_total, result.account.failed_total
