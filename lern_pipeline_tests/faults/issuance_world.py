"""Learners who get certificates, some two, some a new one for an old one; Sunbird RC is one that keeps and lies."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.microbatch.effects import Unfinished
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.effect_ledger import CassandraEffectLedger
from lern_pipeline_tests.faults.job_world import KEYSPACE, OF_CACHES, JobWorld, connected, read_all
from lern_pipeline_tests.third_party.server import ThirdParty

COMPLETED_MS = 1_700_000_000_000
TEMPLATE = {"subject": "Well done", "emailTemplateType": "defaultCertTemp"}

#: Two requests of each learner, of whom every third holds a certificate that the first of them replaces.
PER_LEARNER, EVERY_REISSUED = 2, 3
NAMES = ("Merit", "Attendance")


@dataclass(frozen=True)
class Issued:
    """``active``: certificates in RC by learner and name; ``held``: what the enrolments list; ``told``: how often each
    learner got mail and feed entries; ``listed``: what nobody knows the outcome of; ``audits``: events by certificate.
    """

    active: Counter[tuple[str, str]]
    held: dict[str, list[tuple[str, str]]]
    osids: set[str]
    told: Counter[tuple[str, str]]
    listed: list[Unfinished]
    audits: dict[str, set[str]]


class IssuanceWorld(JobWorld):
    """``server``: has Sunbird RC and the user and organisation service."""

    job = COLLECTION_CERTIFICATE_GENERATOR
    never_passed = OF_CACHES
    telling_points = ()
    times = frozenset()

    def __init__(
        self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, server: ThirdParty
    ) -> None:
        super().__init__(addresses, directory, events, batch_size)
        self._server = server
        self.environment |= {
            "LERN_PIPELINE_SERVICE_RC_BASEPATH": f"{server.address}/rc/api/v1",
            "LERN_PIPELINE_SERVICE_LEARNER_BASEPATH": f"{server.address}/userorg",
            "LERN_PIPELINE_SERVICE_RC_SEARCH_WAIT_SECONDS": "0.2",
            "LERN_PIPELINE_EFFECTS_CONCURRENCY": "4",
            "LERN_PIPELINE_HTTP_ATTEMPTS": "2",
        }
        server.services["users"].add({"users": {learner: {"firstName": "A"} for learner in self.learners()}})
        held = {self.old_id(learner): {"osid": self.old_id(learner)} for learner in self.reissued()}
        server.services["registry"].add({"certificates": held})

    def make_workload(self) -> None:
        """Every event is made when it is asked for."""

    def learners(self) -> list[str]:
        return [f"learner-{number}-{self.token}" for number in range(self.events // PER_LEARNER)]

    def reissued(self) -> list[str]:
        return self.learners()[::EVERY_REISSUED]

    @staticmethod
    def old_id(learner: str) -> str:
        return f"1-old-{learner}"

    def partition_of(self, number: int) -> int:
        """A learner's requests keep their order."""
        return number // PER_LEARNER % 2

    def event(self, number: int) -> bytes:
        learner, name = self.learners()[number // PER_LEARNER], NAMES[number % PER_LEARNER]
        edata: dict[str, Any] = {
            "userId": learner,
            "name": name,
            "svgTemplate": "https://cdn.example.org/x.svg",
            "data": [{"recipientName": "A", "recipientId": learner}],
            "issuer": {"name": "Board", "url": "https://board.example.org"},
            "signatoryList": [{"id": "D", "name": "N", "designation": "Dir", "image": "https://i.example.org/x.png"}],
            "criteria": {"narrative": name},
            "courseName": "Safety",
            "templateId": "do_t1",
            "related": {"courseId": f"do_{self.token}", "batchId": f"batch{self.token}"},
            "oldId": self.old_id(learner) if name == NAMES[0] and learner in self.reissued() else "",
        }
        return json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}).encode()

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        course, batch = f"do_{self.token}", f"batch{self.token}"
        templates = {"do_t1": {"name": "Merit", "notifyTemplate": json.dumps(TEMPLATE)}}
        yield RowWrites(
            f"{KEYSPACE}.course_batch",
            ("courseid", "batchid"),
            ("cert_templates",),
            rows=[[course, batch, templates, write_time_us]],
        )
        rows = []
        for learner in self.learners():
            held = [{"name": NAMES[0], "identifier": self.old_id(learner)}] if learner in self.reissued() else None
            rows.append([learner, course, batch, 2, COMPLETED_MS, held, write_time_us])
        columns = ("status", "completedon", "issued_certificates")
        yield RowWrites(f"{KEYSPACE}.user_enrolments", ("userid", "courseid", "batchid"), columns, rows=rows)

    def issued(self) -> Issued:
        certificates = self._server.services["registry"].state()["certificates"]
        mine = {osid: one for osid, one in certificates.items() if self.token in osid and "recipient" in one}
        users = self._server.services["users"].state()
        mails = Counter((one["recipientUserIds"][0], "mail") for one in users["notifications"])
        told = mails + Counter((one["userId"], "feed") for one in users["feed"])
        cassandra = Cassandra(self.settings)
        try:
            listed = CassandraEffectLedger(self.settings, cassandra).unfinished(self.job.name)
        finally:
            cassandra.close()
        audits: dict[str, set[str]] = {}
        for _, text, headers in read_all(self.bootstrap, self.topics):
            if "offset" not in headers:
                audits.setdefault(json.loads(text)["object"]["id"], set()).add(text)
        return Issued(
            Counter((one["recipient"]["id"], one["certificateLabel"]) for one in mine.values()),
            dict(self._held()),
            set(mine),
            Counter({key: number for key, number in told.items() if self.token in key[0]}),
            [line for line in listed if self.token in line.key],
            audits,
        )

    def _held(self) -> Iterable[tuple[str, list[tuple[str, str]]]]:
        with connected(self._addresses) as session:
            query = session.prepare(f"SELECT issued_certificates FROM {KEYSPACE}.user_enrolments WHERE userid = ?")
            for learner in self.learners():
                (row,) = session.execute(query, (learner,))
                yield learner, [(one["name"], one["identifier"]) for one in row["issued_certificates"] or ()]
