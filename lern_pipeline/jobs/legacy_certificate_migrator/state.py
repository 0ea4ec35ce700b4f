"""What the job reads before it decides: the old registry's rows and the enrolments.

Contract legacy-certificate-migrator 4, 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lern_pipeline.jobs.certificates.enrolments import Enrolment, EnrolmentKey, read_enrolments
from lern_pipeline.jobs.certificates.old_certificate import old_registry_table
from lern_pipeline.jobs.legacy_certificate_migrator.migration_event import SubmittedMigration
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings


@dataclass(slots=True)
class MigrationState:
    """``states``: ``reason`` by id, of the rows that there are."""

    states: dict[str, str | None] = field(default_factory=dict)
    enrolments: dict[EnrolmentKey, Enrolment] = field(default_factory=dict)


def read_state(
    events: Sequence[Event[SubmittedMigration]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> MigrationState:
    """Each row once."""
    usable = [event.work for event in events if event.work.submitted.request is not None]
    found = readers.rows.select(
        old_registry_table(settings),
        ("id", "reason"),
        equal=(),
        within="id",
        keys=[(one.identifier,) for one in usable],
    )
    requests = [one.submitted.request for one in usable if one.submitted.request is not None]
    return MigrationState(dict(found), read_enrolments(requests, readers, settings))
