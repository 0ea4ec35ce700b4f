"""Who was deleted: named by the events of user-deletion-cleanup, kept under the id alone for later proofs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lern_pipeline.events.record import Record
from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.deletion_proof.archives import Archive
from lern_pipeline.jobs.user_deletion_cleanup.blanked_row import DELETED
from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest
from lern_pipeline.jobs.user_deletion_cleanup.tables import USER, table
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.stores import RowReader, RowStore
from lern_pipeline.settings import JobSettings

DAY_SECONDS = 86_400
NAME = "deleted_users"


def users_named(job: JobSpec[DeletionRequest, Any], archive: Archive) -> dict[str, int]:
    """Users and managed users of the kept events, with the newest time of a record, epoch milliseconds."""
    named: dict[str, int] = {}
    for key in sorted(archive.store.keys()):
        for record in archive.store.read_records(key) or ():
            for user in _of_record(job, record):
                named[user] = max(named.get(user, 0), record.timestamp)
    return named


def _of_record(job: JobSpec[DeletionRequest, Any], record: Record) -> Sequence[str]:
    try:
        request = job.validate(job.decode(record.value))
    except (InvalidEvent, ValueError):
        return ()
    return () if isinstance(request, Skip) else (request.user_id, *request.managed_users)


def really_deleted(users: Iterable[str], rows: RowReader, settings: JobSettings) -> set[str]:
    """Those whose row says so: an event that was refused deletes nobody."""
    found = rows.select(table(settings, USER), ("id", "status"), (), "id", [(user,) for user in users])
    return {user for user, status in found if status == DELETED}


def deleted_users_table(settings: JobSettings) -> OwnTable:
    """One row per user; rows expire after ``ledger.retention.days``."""
    return OwnTable(
        settings.text("ledger.keyspace"),
        NAME,
        {"userid": "text", "named_at": "timestamp"},
        partition=("userid",),
        expires_after=settings.integer("ledger.retention.days") * DAY_SECONDS,
    )


def note(users: dict[str, int], rows: RowStore, settings: JobSettings) -> None:
    """Keep that these were deleted. Again changes nothing."""
    own = deleted_users_table(settings)
    rows.ensure_table(own)
    lines: list[list[Any]] = [[user, at, at * 1000] for user, at in sorted(users.items())]
    if lines:
        rows.apply(RowWrites(own.full_name, own.key, ("named_at",), rows=lines))


def noted(rows: RowReader, settings: JobSettings, most: int) -> list[str]:
    """The last ones, the newest first."""
    own = deleted_users_table(settings)
    rows.ensure_table(own)
    lines = [(at, user) for page in rows.scan(own.full_name, ("userid", "named_at"), "userid", {}) for user, at in page]
    return [user for _, user in sorted(lines, reverse=True)[:most]]
