"""Names and wiring of legacy-certificate-migrator."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.certificates.registration import registration_performers
from lern_pipeline.jobs.certificates.wiring import (
    CERT_REGISTRY,
    EVENT_METRICS,
    GROUP,
    ISSUED_CERTIFICATES,
    OUTPUT_TOPICS,
)
from lern_pipeline.jobs.course_progress.stores import USER_ENROLMENTS
from lern_pipeline.jobs.legacy_certificate_migrator.migration_event import SubmittedMigration, migration_event
from lern_pipeline.jobs.legacy_certificate_migrator.registry_rows import BEGINNING, ENDING, Beginning, Ending
from lern_pipeline.jobs.legacy_certificate_migrator.rules import decide, follow
from lern_pipeline.jobs.legacy_certificate_migrator.state import MigrationState, read_state
from lern_pipeline.microbatch.effects import Performers
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.services import Services
from lern_pipeline.settings import JobSettings

KEY_SEARCH = "service.rc.publickey.search.api"


def performers(services: Services, settings: JobSettings) -> Performers:
    """Who carries the job's effects out, by kind."""
    third_parties = services.certificates
    return {
        **registration_performers(third_parties.registry, KEY_SEARCH, settings),
        BEGINNING: Beginning(services.rows, settings),
        ENDING: Ending(services.rows, third_parties.documents, settings),
    }


LEGACY_CERTIFICATE_MIGRATOR: JobSpec[SubmittedMigration, MigrationState] = JobSpec(
    name="legacy-certificate-migrator",
    description=(
        "Makes certificates of the old registry certificates in Sunbird RC: registered, entered at the enrolment "
        "instead of the old one, which is revoked. For the time of a migration."
    ),
    group=GROUP,
    decode=decode_lenient,
    validate=migration_event,
    read_state=read_state,
    decide=decide,
    follow=follow,
    performers=performers,
    stores=(USER_ENROLMENTS, CERT_REGISTRY),
    output_topics=OUTPUT_TOPICS,
    pool=ISSUED_CERTIFICATES,
    personal_data=True,
    kinds=frozenset({"kafka", "cassandra"}),
    event_metrics=EVENT_METRICS,
)
