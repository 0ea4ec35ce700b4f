"""Enrolments as the certificate jobs read them (contract collection-certificate-generator 2, 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lern_pipeline.jobs.certificates.issued import ENROLMENT_KEY, Entry, enrolments_table
from lern_pipeline.jobs.certificates.request import CertificateRequest
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings

EnrolmentKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What it holds, and when the course was completed, in epoch milliseconds."""

    issued: list[Entry]
    completed_on: int | None = None


def read_enrolments(
    requests: Sequence[CertificateRequest], readers: Readers, settings: JobSettings
) -> dict[EnrolmentKey, Enrolment]:
    """The enrolments that exist."""
    rows: list[dict[str, Any]] = readers.rows.select_rows(
        enrolments_table(settings),
        equal=("courseid", "batchid"),
        within="userid",
        keys=[(request.course_id, request.batch_id, request.user_id) for request in requests],
        columns=(*ENROLMENT_KEY, "issued_certificates", "completedon"),
    )
    return {
        (row["userid"], row["courseid"], row["batchid"]): Enrolment(
            row.get("issued_certificates") or [], row.get("completedon")
        )
        for row in rows
    }
