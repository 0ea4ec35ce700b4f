"""Names and wiring of user-ownership-transfer."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.user_ownership_transfer.documents import DOCUMENTS, FollowingDocuments
from lern_pipeline.jobs.user_ownership_transfer.rules import decide, follow
from lern_pipeline.jobs.user_ownership_transfer.state import TransferState, read_state
from lern_pipeline.jobs.user_ownership_transfer.transfer_event import Transfer, ownership_transfer
from lern_pipeline.microbatch.effects import Performers
from lern_pipeline.microbatch.job import JobSpec, Store
from lern_pipeline.microbatch.services import Services
from lern_pipeline.settings import JobSettings

COURSE_BATCH = Store(
    ("cassandra", "course_batch"),
    "Course batches: who created them, who mentors them.",
    "cassandra",
    table=("lms-cassandra.keyspace", "lms-cassandra.course_batch.table"),
)
COURSE_BATCH_INDEX = Store(
    ("search", "course_batch"),
    "Search documents of course batches, in which creator and mentors are those of the table.",
    "elasticsearch",
    index="course-batch",
)


def performers(services: Services, settings: JobSettings) -> Performers:
    """Who carries the job's effects out, by kind."""
    return {DOCUMENTS: FollowingDocuments(services.rows, services.course_batches.index, settings)}


USER_OWNERSHIP_TRANSFER: JobSpec[Transfer, TransferState] = JobSpec(
    name="user-ownership-transfer",
    description=(
        "Course batches that have not ended go from one user to another: those that the user has created, and the "
        "user's place among the mentors. Their search documents follow."
    ),
    group="users",
    decode=decode_lenient,
    validate=ownership_transfer,
    read_state=read_state,
    decide=decide,
    follow=follow,
    performers=performers,
    repeatable_effects=True,
    stores=(COURSE_BATCH, COURSE_BATCH_INDEX),
    personal_data=True,
    kinds=frozenset({"kafka", "cassandra", "elasticsearch"}),
    event_metrics={
        "total-transfer-events-count": "consumed",
        "skipped-message-count": "skipped",
        # Declared and never counted in the existing job (D12).
        "success-message-count": "processed",
    },
    io_metrics={"documents-updated": "search.course-batch.updated"},
)
