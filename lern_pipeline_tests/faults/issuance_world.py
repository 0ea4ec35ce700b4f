"""Learners who get certificates, some two, some a new one for an old one; Sunbird RC is one that keeps and lies."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.microbatch.effects import Unfinished
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.effect_ledger import CassandraEffectLedger
from lern_pipeline_tests.faults.job_world import KEYSPACE, ClientOf, Selection, connected, read_all
from lern_pipeline_tests.faults.registry_world import NAMES, RegistryWorld
from lern_pipeline_tests.third_party.server import ThirdParty

COMPLETED_MS = 1_700_000_000_000
TEMPLATE = {"subject": "Well done", "emailTemplateType": "defaultCertTemp"}

#: Every third learner holds a certificate that the first request replaces.
EVERY_REISSUED = 3


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


class IssuanceWorld(RegistryWorld):
    """``server``: has Sunbird RC and the user and organisation service."""

    job = COLLECTION_CERTIFICATE_GENERATOR

    def __init__(
        self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, server: ThirdParty
    ) -> None:
        super().__init__(addresses, directory, events, batch_size, server)
        self.environment["LERN_PIPELINE_SERVICE_LEARNER_BASEPATH"] = f"{server.address}/userorg"
        server.services["users"].add({"users": {learner: {"firstName": "A"} for learner in self.learners()}})
        held = {self.old_id(learner): {"osid": self.old_id(learner)} for learner in self.reissued()}
        server.services["registry"].add({"certificates": held})

    def reissued(self) -> list[str]:
        return self.learners()[::EVERY_REISSUED]

    @staticmethod
    def old_id(learner: str) -> str:
        return f"1-old-{learner}"

    def event(self, number: int) -> bytes:
        learner, name = self.learners()[number // len(NAMES)], NAMES[number % len(NAMES)]
        old_id = self.old_id(learner) if name == NAMES[0] and learner in self.reissued() else ""
        edata = self.requested(learner, name) | {"oldId": old_id}
        return json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}).encode()

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        templates = {"do_t1": {"name": "Merit", "notifyTemplate": json.dumps(TEMPLATE)}}
        yield RowWrites(
            f"{KEYSPACE}.course_batch",
            ("courseid", "batchid"),
            ("cert_templates",),
            rows=[[self.course, self.batch, templates, write_time_us]],
        )
        rows = []
        for learner in self.learners():
            held = [{"name": NAMES[0], "identifier": self.old_id(learner)}] if learner in self.reissued() else None
            rows.append([learner, self.course, self.batch, 2, COMPLETED_MS, held, write_time_us])
        columns = ("status", "completedon", "issued_certificates")
        yield RowWrites(f"{KEYSPACE}.user_enrolments", ("userid", "courseid", "batchid"), columns, rows=rows)

    def selections(self) -> Iterator[Selection]:
        for learner in self.learners():
            key = {"userid": learner, "courseid": self.course, "batchid": self.batch}
            yield f"{KEYSPACE}.user_enrolments", key

    def keys_left(self, client_of: ClientOf) -> Mapping[str, str]:
        """RC's certificates, and what became of those that were replaced."""
        replaced = self.server.services["registry"].state()["certificates"]
        old = {id_: str(replaced[id_].get("_status")) for id_ in map(self.old_id, self.reissued())}
        return old | {f"certificate {name} of {learner}": str(n) for (learner, name), n in self.active().items()}

    def assert_each_once(self, events: int) -> None:
        """Never two certificates of one request or none; mail and feed entry at most once, and where not, listed."""
        issued = self.issued()
        learners = self.learners(events)
        assert issued.active == {(learner, name): 1 for learner in learners for name in NAMES}
        for learner in learners:
            held = issued.held[learner]
            assert [name for name, _ in held] == list(NAMES), learner
            assert {osid for _, osid in held} <= issued.osids
        assert issued.audits.keys() == issued.osids
        assert all(len(texts) == 1 for texts in issued.audits.values())
        # Two certificates each: never more than two mails, and fewer only where the operator is shown it.
        expected = {(learner, what): len(NAMES) for learner in learners for what in ("mail", "feed")}
        assert all(issued.told[key] <= number for key, number in expected.items())
        assert sum(expected.values()) - sum(issued.told.values()) <= len(issued.listed)

    def issued(self) -> Issued:
        users = self.server.services["users"].state()
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
            self.active(),
            dict(self._held()),
            {one["osid"] for one in self.certificates()},
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
