"""Re-issues that have been asked for (contract collection-cert-pre-processor 10). Pure.

A replay of a re-issue request would replace the new certificate by yet another one. Reruns and crashes of a
micro-batch are the engine's affair: a message that was published is not published again. What is left is a rewind,
which makes new batches of the same records: each certificate asked for is remembered under its record's place, time
and topic for ``ledger.retention.days``, longer than any topic keeps its records. So the record is skipped there, while
a template of it that failed, or that the learner did not meet, is evaluated anew. The same request published once more
is another record, and another re-issue.

The rows are written before the messages; a crash in between leaves the stored plan, which publishes them.
"""

from __future__ import annotations

from collections.abc import Iterable

from lern_pipeline.events.deterministic_ids import uuid5_text
from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.job import Moment, Store
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings

DAY_SECONDS = 86_400

#: Request and certificate, as the table's key has them.
Reissue = tuple[str, str]

REISSUED_CERTIFICATES = Store(
    ("cassandra", "reissued_certificates"),
    "Certificates asked for once more, so that a repeated record does not replace them again.",
    "cassandra",
    table=("ledger.keyspace", "reissue.ledger.table"),
)


def reissue(topic: str, record: Record, user_id: str, template_key: str) -> Reissue:
    """One certificate that one record asks for; a topic that is made anew has other times at its offsets."""
    place = f"{topic}|{record.partition}|{record.offset}|{record.timestamp}"
    return place, uuid5_text(f"{len(user_id)}|{user_id}|{template_key}")


def reissues_table(settings: JobSettings) -> OwnTable:
    """One row per certificate."""
    return OwnTable(
        settings.text("ledger.keyspace"),
        settings.text("reissue.ledger.table"),
        {"request": "text", "certificate": "text", "asked_at": "timestamp"},
        partition=("request",),
        clustering=("certificate",),
        expires_after=settings.integer("ledger.retention.days") * DAY_SECONDS,
    )


def read_reissues(rows: RowReader, settings: JobSettings, reissues: Iterable[Reissue]) -> set[Reissue]:
    """Those that have been asked for. Makes the table on its first use."""
    requests = {request for request, _ in reissues}
    if not requests:
        return set()
    table = reissues_table(settings)
    rows.ensure_table(table)
    found = rows.select(
        table.full_name, table.key, equal=(), within="request", keys=((request,) for request in requests)
    )
    return {(request, certificate) for request, certificate in found}


def reissue_writes(settings: JobSettings, reissues: Iterable[Reissue], moment: Moment) -> RowWrites:
    """The certificates as asked for."""
    table = reissues_table(settings)
    rows = [[*one, moment.now_ms, moment.write_time_us] for one in reissues]
    return RowWrites(table.full_name, table.key, set=("asked_at",), rows=rows, insert=True)
