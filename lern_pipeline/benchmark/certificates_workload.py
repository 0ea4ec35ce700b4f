"""A workload of certificate requests: one learner each, who gets the certificate, a mail and a feed entry."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lern_pipeline.microbatch.plan import CacheWrites, RowWrites
from lern_pipeline.settings import JobSettings

COMPLETED_MS = 1_700_000_000_000
TEMPLATE = '{"subject":"Well done","emailTemplateType":"defaultCertTemp"}'


class CertificatesWorkload:
    """``events`` requests; ``token`` stands in every id."""

    def __init__(self, events: int, token: str) -> None:
        self._learners = [f"bench-{token}-{number}" for number in range(events)]
        self._course, self._batch = f"do_bench_{token}", f"batch{token}"

    @property
    def about(self) -> str:
        return f"{len(self._learners)} enrolments"

    def caches(self, settings: JobSettings) -> Iterator[CacheWrites]:
        """None."""
        return iter(())

    def stored_rows(self, keyspace: str, write_time_us: int) -> Iterator[RowWrites]:
        """The enrolments, and the batch with its template."""
        yield RowWrites(
            f"{keyspace}.course_batch",
            ("courseid", "batchid"),
            ("cert_templates",),
            rows=[[self._course, self._batch, {"do_t1": {"notifyTemplate": TEMPLATE}}, write_time_us]],
        )
        yield RowWrites(
            f"{keyspace}.user_enrolments",
            ("userid", "courseid", "batchid"),
            ("status", "completedon"),
            rows=[[learner, self._course, self._batch, 2, COMPLETED_MS, write_time_us] for learner in self._learners],
        )

    def messages(self) -> Iterator[tuple[bytes | None, bytes]]:
        """The requests, without keys, as collection-cert-pre-processor publishes them."""
        for learner in self._learners:
            edata = {
                "userId": learner,
                "name": "Merit",
                "svgTemplate": "https://cdn.example.org/merit.svg",
                "data": [{"recipientName": "A Learner", "recipientId": learner}],
                "issuer": {"name": "Board", "url": "https://board.example.org"},
                "signatoryList": [
                    {"id": "D", "name": "N", "designation": "Director", "image": "https://img.example.org/d.png"}
                ],
                "criteria": {"narrative": "Merit"},
                "courseName": "Road Safety",
                "templateId": "do_t1",
                "related": {"courseId": self._course, "batchId": self._batch},
                "oldId": "",
            }
            yield None, msgspec.json.encode({"eid": "BE_JOB_REQUEST", "edata": edata})
