"""Learners who have earned certificates, half of them once more: a re-issue must be asked for once, and not be lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache

from lern_pipeline.jobs.collection_cert_pre_processor.job import COLLECTION_CERT_PRE_PROCESSOR
from lern_pipeline.microbatch.plan import CacheWrites, RowWrites, SetText
from lern_pipeline_tests.faults.job_world import KEYSPACE, OF_CACHES, JobWorld
from lern_pipeline_tests.third_party.server import ThirdParty

URL = "CLOUD_BASE_PATH/x.svg"
#: Certificates are of this day, whenever they are asked for.
COMPLETED_MS = 1_700_000_000_000
TEMPLATES = {
    "do_t1": {"identifier": "do_t1", "name": "Merit", "url": URL, "criteria": '{"enrollment":{"status":2}}'},
    "do_t2": {
        "identifier": "do_t2",
        "name": "Everybody",
        "url": URL,
        "criteria": '{"enrollment":{"status":2},"user":{}}',
    },
}


@cache
def user_service() -> ThirdParty:
    """Knows every user; stays up as long as the tests do."""
    server = ThirdParty().__enter__()
    server.answer("userorg", {"responseCode": "OK", "result": {"response": {"firstName": "A", "rootOrgId": "org"}}})
    return server


class CertificatesWorld(JobWorld):
    """One learner an event, every second one with a certificate already, which is to be issued again."""

    job = COLLECTION_CERT_PRE_PROCESSOR
    never_passed = OF_CACHES
    # The ledger says that the re-issues have been asked for, but nobody has been told.
    telling_points = ("before-publish", "after-publish")
    servers = ("kafka", "cassandra", "redis")
    times = frozenset()

    def make_workload(self) -> None:
        self.environment |= {
            "LERN_PIPELINE_SERVICE_LEARNER_BASEPATH": f"{user_service().address}/userorg",
            "LERN_PIPELINE_CERT_DOMAIN_URL": "https://lms.example.org",
            "LERN_PIPELINE_CLOUD_STORAGE_BASE_URL": "https://store.example.net",
            "LERN_PIPELINE_CONTENT_CLOUD_STORAGE_CONTAINER": "content",
        }

    def event(self, number: int) -> bytes:
        edata = {
            "action": "issue-certificate",
            "userIds": [self._learner(number)],
            "batchId": f"batch-{self.token}",
            "courseId": f"do_{self.token}",
            "reIssue": number % 2 == 1,
        }
        return json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}).encode()

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        course, batch = f"do_{self.token}", f"batch-{self.token}"
        yield RowWrites(
            f"{KEYSPACE}.course_batch",
            ("courseid", "batchid"),
            ("cert_templates",),
            rows=[[course, batch, TEMPLATES, write_time_us]],
        )
        issued = [[], [{"name": "Merit", "identifier": "1-old"}]]
        yield RowWrites(
            f"{KEYSPACE}.user_enrolments",
            ("userid", "courseid", "batchid"),
            ("active", "status", "completedon", "issued_certificates"),
            rows=[
                [self._learner(number), course, batch, True, 2, COMPLETED_MS, issued[number % 2], write_time_us]
                for number in range(self.events)
            ],
        )

    def given_caches(self) -> Iterator[CacheWrites]:
        yield CacheWrites("redis", 0, [[SetText(f"do_{self.token}", '{"name": "Road Safety"}')]])

    def _learner(self, number: int) -> str:
        return f"user-{self.token}-{number}"
