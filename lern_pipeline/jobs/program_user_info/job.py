"""Names and wiring of program-user-info."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.program_user_info.program_document import ProgramEnrolment, program_enrolment
from lern_pipeline.jobs.program_user_info.rules import decide, read_state
from lern_pipeline.microbatch.job import JobSpec, Store

PROGRAM_USER_INFO: JobSpec[ProgramEnrolment, None] = JobSpec(
    name="program-user-info",
    description=(
        "A user joined a program or changed in it: the document with its profile is flattened into the row that the "
        "program's reports are made from."
    ),
    group="programs",
    decode=decode_lenient,
    validate=program_enrolment,
    read_state=read_state,
    decide=decide,
    stores=(
        Store(
            ("cassandra", "program_enrollment"),
            "One row per user and program, for the exhaust report.",
            "cassandra",
            table=("ml-cassandra.keyspace", "ml-cassandra.table"),
        ),
    ),
    cassandra="ml-cassandra",
    personal_data=True,
    kinds=frozenset({"kafka", "cassandra"}),
    event_metrics={
        "total-events-count": "consumed",
        "success-message-count": "processed",
        "skipped-message-count": "skipped",
        "failed-message-count": "failed",
    },
)
