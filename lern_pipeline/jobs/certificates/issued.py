"""The list ``issued_certificates`` of an enrolment (contract collection-certificate-generator 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lern_pipeline.jobs.certificates.request import CertificateRequest
from lern_pipeline.microbatch.job import Moment
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.settings import JobSettings

Entry = Mapping[str, str]

ENROLMENT_KEY = ("userid", "courseid", "batchid")

# Between two writes of one row by one micro-batch, in microseconds: more than attempts at a write add to its time.
BETWEEN_WRITES = 1000


def same_named(held: Sequence[Entry], name: str) -> list[Entry]:
    """The entries of that name, whatever its case."""
    wanted = name.lower()
    return [entry for entry in held if (entry.get("name") or "").lower() == wanted]


def with_entry(held: Sequence[Entry], entry: Entry) -> list[Entry]:
    """The list with the entry at its end, and without all others of its name."""
    replaced = same_named(held, entry["name"])
    return [*(other for other in held if other not in replaced), entry]


def enrolments_table(settings: JobSettings) -> str:
    return f"{settings.text('lms-cassandra.keyspace')}.{settings.text('lms-cassandra.user_enrolments.table')}"


def list_write(
    request: CertificateRequest, held: Sequence[Entry], number: int, settings: JobSettings, moment: Moment
) -> RowWrites:
    """The whole list; ``number`` counts the writes of this row by this micro-batch."""
    time = moment.write_time_us + number * BETWEEN_WRITES
    row = [*request.enrolment, [dict(entry) for entry in held], time]
    return RowWrites(enrolments_table(settings), ENROLMENT_KEY, set=("issued_certificates",), rows=[row])


def issue_time(now_ms: int) -> str:
    """``yyyy-MM-dd'T'HH:mm:ss.SSSZ`` in UTC."""
    time = datetime(1970, 1, 1) + timedelta(milliseconds=now_ms)
    return f"{time.isoformat(timespec='milliseconds')}+0000"
