"""Names and wiring of ml-transfer-ownership."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.manage_learn.documents import GROUP, SOLUTIONS_STORE, collection
from lern_pipeline.jobs.ml_transfer_ownership.rules import decide
from lern_pipeline.jobs.ml_transfer_ownership.state import PROGRAMS, USERS, TransferState, read_state
from lern_pipeline.jobs.ml_transfer_ownership.transfer_event import Transfer, transfer
from lern_pipeline.microbatch.job import JobSpec

ML_TRANSFER_OWNERSHIP: JobSpec[Transfer, TransferState] = JobSpec(
    name="ml-transfer-ownership",
    description=(
        "Assets of one user go to another: a solution, a program or all of them, and with programs the place in the "
        "platform roles that lists them."
    ),
    group=GROUP,
    decode=decode_lenient,
    validate=transfer,
    read_state=read_state,
    decide=decide,
    stores=(
        SOLUTIONS_STORE,
        collection(PROGRAMS, "Programs of Manage Learn and their owners."),
        collection(USERS, "What Manage Learn knows of users: platform roles and the programs in them."),
    ),
    personal_data=True,
    kinds=frozenset({"kafka", "mongodb"}),
    event_metrics={
        "total-transfer-events-count": "consumed",
        "skipped-message-count": "skipped",
        "success-message-count": "processed",
        # Declared and never counted in the existing job (D10).
        "transfer-ownership-cleanup-hit": "processed",
    },
    io_metrics={"documents-matched": "mongo.matched", "documents-modified": "mongo.modified"},
)
