"""Learners with two certificates of the old registry each, one of which some hold anew; RC keeps what it is given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from lern_pipeline.jobs.certificates.old_certificate import INDEX
from lern_pipeline.jobs.legacy_certificate_migrator.job import LEGACY_CERTIFICATE_MIGRATOR
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline_tests.faults.job_world import KEYSPACE, ClientOf, Selection
from lern_pipeline_tests.faults.registry_world import NAMES, RegistryWorld
from lern_pipeline_tests.search_documents import SearchDocuments
from lern_pipeline_tests.third_party.server import ThirdParty

OLD_REGISTRY = "sunbird.cert_registry"
ISSUED = "2021-12-14T00:00:00Z"

#: Every third learner has got a new certificate of the first name since, which stays (contract
#: legacy-certificate-migrator D1).
EVERY_NEWER = 3


class MigrationWorld(RegistryWorld):
    """One old certificate an event. The documents of old certificates are in a real search index."""

    job = LEGACY_CERTIFICATE_MIGRATOR
    # Without the search cluster events fail (D2), and no batch.
    also_there = ("opensearch",)

    def __init__(
        self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, server: ThirdParty
    ) -> None:
        cluster = f"{addresses.opensearch_host}:{addresses.opensearch_port}"
        self._documents = SearchDocuments(cluster)
        super().__init__(addresses, directory, events, batch_size, server)
        self.environment["LERN_PIPELINE_ES_BASEPATH"] = cluster
        for learner, name in self.migrations():
            self._documents.give(INDEX, self.old_id(learner, name), {"name": name})

    def own_topics(self) -> Mapping[str, str]:
        """As installations name them."""
        return {
            "LERN_PIPELINE_KAFKA_INPUT_TOPIC": f"{self.token}.legacy.certificate.migrate",
            "LERN_PIPELINE_KAFKA_OUTPUT_FAILED_TOPIC": f"{self.token}.legacy.certificate.migrate.failed",
            "LERN_PIPELINE_KAFKA_OUTPUT_AUDIT_TOPIC": f"{self.token}.telemetry.raw",
            "LERN_PIPELINE_KAFKA_GROUPID": f"{self.token}-certificate-migrator-group",
        }

    def migrations(self, events: int | None = None) -> list[tuple[str, str]]:
        """Learner and name, of the first so many events; of all."""
        return [(learner, name) for learner in self.learners(events) for name in NAMES]

    def newer(self) -> set[tuple[str, str]]:
        """Of which the learner holds a newer one."""
        return {(learner, NAMES[0]) for learner in self.learners()[::EVERY_NEWER]}

    @staticmethod
    def old_id(learner: str, name: str) -> str:
        return f"old-{name}-{learner}"

    def event(self, number: int) -> bytes:
        learner, name = self.migrations()[number]
        old_id = self.old_id(learner, name)
        edata = self.requested(learner, name) | {"identifier": old_id, "oldId": old_id, "issuedDate": ISSUED}
        return json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}).encode()

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        yield RowWrites(
            OLD_REGISTRY,
            ("id",),
            ("isrevoked", "recipient"),
            rows=[[self.old_id(*one), False, one[0], write_time_us] for one in self.migrations()],
        )
        newer, rows = self.newer(), []
        for learner in self.learners():
            held = [
                {"name": name, "identifier": f"{'newer' if (learner, name) in newer else 'old'}-{name}-{learner}"}
                for name in NAMES
            ]
            rows.append([learner, self.course, self.batch, 2, held, write_time_us])
        columns = ("status", "issued_certificates")
        yield RowWrites(f"{KEYSPACE}.user_enrolments", ("userid", "courseid", "batchid"), columns, rows=rows)

    def selections(self) -> Iterator[Selection]:
        for learner, name in self.migrations():
            yield OLD_REGISTRY, {"id": self.old_id(learner, name)}
        for learner in self.learners():
            key = {"userid": learner, "courseid": self.course, "batchid": self.batch}
            yield f"{KEYSPACE}.user_enrolments", key

    def keys_left(self, client_of: ClientOf) -> Mapping[str, str]:
        """RC's certificates and the documents of old ones."""
        documents = {f"{INDEX} {id_}": "there" for id_ in self._documents.of(INDEX) if self.token in id_}
        return documents | {f"certificate {name} of {learner}": str(n) for (learner, name), n in self.active().items()}

    def close(self) -> None:
        self._documents.close()
